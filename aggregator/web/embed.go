package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// dist is what `npm run build` makes of the sources beside it. It is committed, so that
// Go alone builds the program; CI builds it anew and compares.
//
//go:embed all:dist
var dist embed.FS

// ContentSecurityPolicy is what the page may load and whom it may reach: itself, and
// other peers by WebSocket, whose addresses nobody can list beforehand. WebRTC is not
// restricted by a policy.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self' ws: wss:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// contentTypes are those of the files that a build makes. The system's table is not asked:
// it differs between machines.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// download is the page as one file that opens from a disk. It holds its script, which the
// policy of what is served from here forbids, so it is only handed out.
const download = "carol.html"

// file is one of the page, ready to be sent.
type file struct {
	plain, compressed []byte // compressed is nil where it saves nothing
	contentType       string
	cacheControl      string
	disposition       string // empty for what is shown
}

// Handler returns what serves the page: index.html at /, and the files that it loads.
// Any other path is not found. The handler is safe for concurrent use.
func Handler() (http.Handler, error) {
	files := make(map[string]*file)
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := prepare(strings.TrimPrefix(name, "dist/"), data)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(name, "dist")] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: reading the page: %w", err)
	}
	if files["/index.html"] == nil {
		return nil, fmt.Errorf("web: the program was built without its page: run npm run build in aggregator/web first")
	}
	files["/"] = files["/index.html"]
	return handler(files), nil
}

// prepare compresses a file and decides how long it may be kept. The name of a file in
// assets/ changes with its content, so it never goes stale.
func prepare(name string, data []byte) (*file, error) {
	f := &file{plain: data, contentType: contentTypes[path.Ext(name)], cacheControl: "no-cache"}
	if name == download {
		f.disposition = `attachment; filename="` + download + `"`
	}
	if f.contentType == "" {
		return nil, fmt.Errorf("%s: no content type is known for it, name one in contentTypes", name)
	}
	if strings.HasPrefix(name, "assets/") {
		f.cacheControl = "public, max-age=31536000, immutable"
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() < len(data) {
		f.compressed = b.Bytes()
	}
	return f, nil
}

type handler map[string]*file

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", ContentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "the page can only be read: use GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	f := h[r.URL.Path]
	if f == nil {
		http.Error(w, "no such page: the page is at /, the interface for programs at /api/v1", http.StatusNotFound)
		return
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", f.cacheControl)
	header.Set("Vary", "Accept-Encoding")
	if f.disposition != "" {
		header.Set("Content-Disposition", f.disposition)
	}
	body := f.plain
	if f.compressed != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		body = f.compressed
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the reader went away: nobody is left to tell
}

// acceptsGzip reports whether a reader that sent this Accept-Encoding takes gzip.
func acceptsGzip(accepted string) bool {
	for part := range strings.SplitSeq(accepted, ",") {
		coding, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(coding) != "gzip" {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(quality, " ", ""), "q=")
		if !found {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}
