package webhook

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretsAreOfTheStandardsForm(t *testing.T) {
	text := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, n := range []int{24, 32, 64} {
		s, err := ParseSecret(text(n))
		require.NoError(t, err)
		require.Len(t, s.key, n)
	}
	for name, c := range map[string]struct{ text, says string }{
		"empty":           {"", "does not start with whsec_"},
		"no prefix":       {text(32)[6:], "does not start with whsec_"},
		"too short":       {text(23), "has 23 bytes: want 24 to 64"},
		"too long":        {text(65), "has 65 bytes: want 24 to 64"},
		"no base64":       {"whsec_" + strings.Repeat("!", 32), "is not base64"},
		"no padding":      {strings.TrimRight(text(32), "="), "is not base64"},
		"loose bits":      {"whsec_" + strings.Repeat("A", 42) + "B=", "is not base64"},
		"URL's alphabet":  {"whsec_" + strings.Repeat("-", 32), "is not base64"},
		"public key":      {"whpk_" + text(32)[6:], "does not start with whsec_"},
		"space inside it": {text(32)[:20] + " " + text(32)[20:], "is not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSecret(c.text)
			require.ErrorContains(t, err, c.says)
			if c.text != "" {
				require.NotContains(t, err.Error(), c.text, "the error quotes the secret")
			}
		})
	}
}

func TestFileOfASecretIsPrivate(t *testing.T) {
	const text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	path := filepath.Join(t.TempDir(), "webhook.secret")
	_, err := LoadSecret(path)
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	s, err := LoadSecret(path)
	require.NoError(t, err)
	want, err := ParseSecret(text)
	require.NoError(t, err)
	require.Equal(t, want, s)

	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o610} {
		require.NoError(t, os.Chmod(path, mode))
		_, err = LoadSecret(path)
		require.ErrorContains(t, err, "chmod 600 "+path)
	}
	require.NoError(t, os.Chmod(path, 0o400))
	_, err = LoadSecret(path)
	require.NoError(t, err)

	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", maxSecretFile+1)), 0o600))
	_, err = LoadSecret(path)
	require.ErrorContains(t, err, "no file with a secret")
	require.NoError(t, os.WriteFile(path, []byte("secret"), 0o600))
	_, err = LoadSecret(path)
	require.ErrorContains(t, err, path+": webhook secret does not start with whsec_")
	_, err = LoadSecret(filepath.Dir(path))
	require.ErrorContains(t, err, "no file with a secret")
}

func TestNoVerbPrintsASecret(t *testing.T) {
	s := Secret{[]byte("0123456789abcdef01234567")}
	held := Config{Secret: s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		require.Equal(t, "whsec_…", fmt.Sprintf(verb, s))
		printed := fmt.Sprintf(verb, held)
		for _, trace := range []string{"0123", "30313233", "48 49 50", "0x30"} {
			require.NotContains(t, printed, trace, verb)
		}
	}
}
