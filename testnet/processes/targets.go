package processes

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// target is one entry of a file that Prometheus finds targets in:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// writeTargets tells Prometheus where the peers serve their metrics. The instance is
// the peer's name, so that series go on when a network is made anew on other ports.
func (n *Net) writeTargets(peers []member, ports []int) error {
	targets := make([]target, len(peers))
	for i, m := range peers {
		targets[i] = target{
			Targets: []string{onLoopback(portsOf(ports, i).metrics)},
			Labels:  map[string]string{"instance": m.Name},
		}
	}
	data, err := json.MarshalIndent(targets, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", targetsName, err)
	}
	return n.write(filepath.Join(n.dir, targetsName), data)
}
