package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ask sends one request to the page.
func ask(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	h, err := Handler()
	require.NoError(t, err)
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) []byte {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return data
}

// assets are the paths of the files that index.html loads.
func assets(t *testing.T) []string {
	t.Helper()
	index := string(body(t, ask(t, http.MethodGet, "/")))
	var paths []string
	for _, m := range regexp.MustCompile(`(?:src|href)="\.(/assets/[^"]+)"`).FindAllStringSubmatch(index, -1) {
		paths = append(paths, m[1])
	}
	require.NotEmpty(t, paths, index)
	return paths
}

func TestTheIndexIsAskedForAnewAndItsAssetsAreKept(t *testing.T) {
	for _, path := range []string{"/", "/index.html"} {
		r := ask(t, http.MethodGet, path)
		require.Equal(t, http.StatusOK, r.StatusCode)
		require.Equal(t, "text/html; charset=utf-8", r.Header.Get("Content-Type"))
		require.Equal(t, "no-cache", r.Header.Get("Cache-Control"))
	}
	for _, path := range assets(t) {
		r := ask(t, http.MethodGet, path)
		require.Equal(t, http.StatusOK, r.StatusCode, path)
		require.Contains(t, r.Header.Get("Cache-Control"), "immutable", path)
		require.NotEmpty(t, body(t, r), path)
	}
}

func TestTheSameBytesComeCompressed(t *testing.T) {
	for _, path := range assets(t) {
		plain := ask(t, http.MethodGet, path)
		require.Empty(t, plain.Header.Get("Content-Encoding"), path)
		r := ask(t, http.MethodGet, path, "Accept-Encoding", "br, gzip;q=0.8")
		require.Equal(t, "gzip", r.Header.Get("Content-Encoding"), path)
		require.Equal(t, "Accept-Encoding", r.Header.Get("Vary"), path)
		z, err := gzip.NewReader(bytes.NewReader(body(t, r)))
		require.NoError(t, err)
		data, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, body(t, plain), data, path)
	}
}

func TestThePageAsOneFileIsHandedOutAndLoadsNothing(t *testing.T) {
	r := ask(t, http.MethodGet, "/carol.html")
	require.Equal(t, http.StatusOK, r.StatusCode)
	require.Equal(t, `attachment; filename="carol.html"`, r.Header.Get("Content-Disposition"))
	require.Empty(t, ask(t, http.MethodGet, "/").Header.Get("Content-Disposition"))
	document, _, found := strings.Cut(string(body(t, r)), `<script type="module">`)
	require.True(t, found)
	require.NotRegexp(t, `(src|href)=`, document)
	require.Regexp(t, `content="default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+';`, document)
}

func TestGzipIsSentOnlyToThoseWhoTakeIt(t *testing.T) {
	for accepted, want := range map[string]bool{
		"": false, "gzip": true, "br": false, "br,gzip": true, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=0.1": true, "gzip;q=x": false, "xgzip": false,
	} {
		require.Equal(t, want, acceptsGzip(accepted), "%q", accepted)
	}
}

func TestTheHeadOfAFileHasItsLengthAndNoBody(t *testing.T) {
	get, head := ask(t, http.MethodGet, "/"), ask(t, http.MethodHead, "/")
	require.Equal(t, get.Header, head.Header)
	require.Empty(t, body(t, head))
}

func TestEveryAnswerIsUnderThePolicy(t *testing.T) {
	for _, path := range []string{"/", assets(t)[0], "/nothing"} {
		r := ask(t, http.MethodGet, path)
		require.Equal(t, ContentSecurityPolicy, r.Header.Get("Content-Security-Policy"), path)
		require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"), path)
	}
	require.NotContains(t, ContentSecurityPolicy, "unsafe")
}

func TestWhatIsNoFileOfThePageIsNotFound(t *testing.T) {
	for _, path := range []string{"/nothing", "/assets/", "/assets", "/../doc.go", "/dist/index.html", "/src/main.tsx", "/index.html/"} {
		require.Equal(t, http.StatusNotFound, ask(t, http.MethodGet, path).StatusCode, path)
	}
	r := ask(t, http.MethodPost, "/")
	require.Equal(t, http.StatusMethodNotAllowed, r.StatusCode)
	require.Equal(t, "GET, HEAD", r.Header.Get("Allow"))
}

// The page must run under its own policy: no script or style stands in the document.
func TestTheIndexHoldsNoScriptAndNoStyle(t *testing.T) {
	index := string(body(t, ask(t, http.MethodGet, "/")))
	require.NotRegexp(t, `<script[^>]*>[^<]`, index)
	require.NotContains(t, index, "<style")
	require.NotContains(t, strings.ToLower(index), " style=")
	require.NotRegexp(t, `(src|href)="(https?:)?//`, index)
}
