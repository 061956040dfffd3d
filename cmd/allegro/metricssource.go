package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/prometheus/common/expfmt"
	"github.com/urfave/cli/v3"
)

// metricsSource is where a peer's metrics come from: the name that it is shown with,
// and one look at it.
type metricsSource struct {
	name  string
	fetch func(ctx context.Context) (*metricsPage, error)
}

// metricsSources are the peers that the command names: by their metrics address or by
// their home; without a name it is the peer that runs in --home.
func metricsSources(cmd *cli.Command, timeout time.Duration) ([]metricsSource, error) {
	if !cmd.Args().Present() {
		h, err := openHome(cmd)
		if err != nil {
			return nil, err
		}
		return []metricsSource{homeSource(h, timeout)}, nil
	}
	var sources []metricsSource
	for _, peer := range cmd.Args().Slice() {
		if info, err := os.Stat(peer); err == nil && info.IsDir() {
			h, err := home.Open(filepath.Clean(peer), os.LookupEnv)
			if errors.Is(err, home.ErrNoHome) && cmd.Args().Len() > 1 {
				continue // of a testnet's folder, all that are homes are meant
			}
			if err != nil {
				return nil, homeError(err)
			}
			sources = append(sources, homeSource(h, timeout))
			continue
		}
		address, err := metricsURL(peer)
		if err != nil {
			return nil, fail(exitUsage, "%w", err)
		}
		sources = append(sources, metricsSource{address, func(ctx context.Context) (*metricsPage, error) {
			return fetchMetrics(ctx, address, timeout)
		}})
	}
	if len(sources) == 0 {
		return nil, fail(exitUsage, "none of the %s is a home of a peer", plural(cmd.Args().Len(), "folder"))
	}
	return sources, nil
}

// homeSource is the peer that runs in a home. Its API tells the metrics also where no
// address serves them.
func homeSource(h *home.Home, timeout time.Duration) metricsSource {
	return metricsSource{h.Dir(), func(ctx context.Context) (*metricsPage, error) {
		limited, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		client, err := awaitRunning(limited, h)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, notRunning(h, timeout)
		}
		defer client.Close()
		body, err := client.Raw(limited, api.RouteMetrics, "", nil)
		if err != nil {
			return nil, apiError(err)
		}
		return &metricsPage{source: h.Dir(), body: body, format: expfmt.NewFormat(expfmt.TypeTextPlain)}, nil
	}}
}
