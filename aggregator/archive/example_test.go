package archive_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

// What a replica learns is archived, and shown once it is on disk.
func ExampleArchive() {
	network, err := netfile.Load("../../p2p/netfile/testdata/network.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := network.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := os.ReadFile("../../p2p/netfile/testdata/qc.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	qc, err := rules.ParseQCFile(file)
	if err != nil {
		fmt.Println(err)
		return
	}

	store, err := replica.OpenStore("aggregator", vfs.NewMem()) // vfs.Default is the machine's
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	clock, err := archive.Clock(store, time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	limits := fastpay.DefaultBoardLimits()
	source, err := replica.New(replica.Config{Rules: rules, Limits: limits, Store: store, Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	payments, err := archive.Open(archive.Config{
		Rules: rules, Store: store, Source: source, Limits: limits, Retention: archive.DefaultRetention(),
		Now: clock, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- payments.Run(ctx) }()

	changed := payments.Changed()
	var added error
	if err := source.Update(func(b *fastpay.Board) { added = b.AddQC(qc) }); err != nil { // as gossip comes
		fmt.Println(err)
		return
	}
	if added != nil {
		fmt.Println(added)
		return
	}
	<-changed
	payer := qc.Tx().Sender()
	page, err := payments.Records(archive.Filter{Address: &payer, Limit: 10})
	for _, record := range page.Records {
		fmt.Println(record.Tx.ID(), record.Stage)
	}
	cancel()
	fmt.Println(err, errors.Is(<-ended, context.Canceled))
	// Output:
	// 0x968b1cf9b7f7a68627923ab292c5ab197212aad99ff144df3e063f5e046b3ea0 CERTIFIED
	// <nil> true
}
