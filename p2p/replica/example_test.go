package replica_test

import (
	"fmt"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// What a peer has verified is there after a restart, and is verified again then.
func ExampleReplica_Record() {
	network, err := netfile.Load("../netfile/testdata/network.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := network.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := os.ReadFile("../netfile/testdata/qc.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	qc, err := rules.ParseQCFile(data)
	if err != nil {
		fmt.Println(err)
		return
	}

	disk := vfs.NewMem() // vfs.Default is the machine's
	for _, run := range []string{"first", "second"} {
		store, err := replica.OpenStore("peer", disk)
		if err != nil {
			fmt.Println(err)
			return
		}
		peer, err := replica.New(replica.Config{Rules: rules, Limits: fastpay.DefaultBoardLimits(), Store: store, Now: time.Now})
		if err != nil {
			fmt.Println(err)
			return
		}
		if record, known := peer.Record(qc.Tx().ID()); known {
			fmt.Println(run, "run:", record.Stage, "by", len(record.Certificates), "votes")
		} else {
			fmt.Println(run, "run: unknown yet")
		}
		var known error
		if err := peer.Update(func(b *fastpay.Board) { known = b.AddQC(qc) }); err != nil { // as gossip comes
			fmt.Println(err)
			return
		}
		fmt.Println("the QC is new:", known == nil)
		if err := store.Close(); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// first run: unknown yet
	// the QC is new: true
	// second run: CERTIFIED by 2 votes
	// the QC is new: false
}
