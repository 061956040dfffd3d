package daemon

import (
	"fmt"
	"strconv"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// CommitteeDocument describes a committee of a network file, as somebody sees it who
// is connected to nobody.
func CommitteeDocument(f *netfile.File, c *fastpay.Committee) api.Committee {
	doc := api.Committee{
		Schema: api.CommitteeSchema, ID: c.ID().Hex(), Epoch: strconv.FormatUint(c.Epoch(), 10),
		Start: strconv.FormatUint(c.Start(), 10), End: strconv.FormatUint(c.End(), 10),
		Members: []api.Member{}, Threshold: c.Quorum(), Total: c.Total(),
	}
	for i, m := range f.MembersOf(c.ID()) {
		doc.Members = append(doc.Members, api.Member{
			Index: i, Name: m.Name, Key: fmt.Sprintf("0x%x", m.Key[:]), Weight: m.Weight, Sponsor: m.Sponsor.String(),
			Addresses: emptyIfNil(m.Addresses),
		})
	}
	return doc
}
