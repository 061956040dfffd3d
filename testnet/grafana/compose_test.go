package grafana_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// compose is testnet/compose.yaml.
type compose struct {
	Services map[string]struct {
		Image       string
		NetworkMode string `yaml:"network_mode"`
		Command     []string
		Environment map[string]string
		Volumes     []string
	}
}

// readCompose reads the file.
func readCompose(t *testing.T) (c compose) {
	t.Helper()
	data, err := os.ReadFile("../compose.yaml")
	require.NoError(t, err)
	require.Contains(t, string(data), "Not run here")
	require.NoError(t, yaml.Unmarshal(data, &c))
	return c
}

// TestComposeMountsWhatIsThere: the containers find the files under the paths that their
// settings name, and Prometheus the targets of a testnet where its configuration has them.
func TestComposeMountsWhatIsThere(t *testing.T) {
	c := readCompose(t)
	mounted := make(map[string]string) // in any container: folder of the host
	for name, s := range c.Services {
		require.Regexp(t, `^[\w/]+:v?\d+\.\d+\.\d+$`, s.Image, "%s: an image that changes under its name is another program tomorrow", name)
		require.Equal(t, "host", s.NetworkMode, name)
		for _, v := range s.Volumes {
			parts := strings.Split(v, ":")
			require.Len(t, parts, 3, v)
			require.Equal(t, "ro", parts[2], v)
			mounted[parts[1]] = parts[0]
		}
	}
	for _, folder := range []string{"/etc/prometheus", c.Services["grafana"].Environment["GF_PATHS_PROVISIONING"], c.Services["grafana"].Environment["ALLEGRO_DASHBOARDS"]} {
		require.Contains(t, mounted, folder)
		require.DirExists(t, filepath.Join("..", mounted[folder]))
	}
	require.Contains(t, c.Services["prometheus"].Command, "--config.file=/etc/prometheus/prometheus.yml")
	targets := path.Dir(path.Join("/etc/prometheus", targetsOf(t, prometheusConfig(t))))
	require.Equal(t, "../net", mounted[targets], "the folder of allegro testnet, beside testnet/")
}
