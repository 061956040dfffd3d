package processes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
)

// fund gives the accounts their money on another's chain, once.
func (n *Net) fund(ctx context.Context) error {
	if n.ownChain() || n.state.Funded {
		return nil
	}
	grants, err := n.grants()
	if err != nil {
		return err
	}
	file, err := n.File()
	if err != nil {
		return err
	}
	nodes, err := testnet.DialNodes(ctx, n.state.Spec.ChainURLs)
	if err != nil {
		return err
	}
	defer nodes.Close()
	if nodes.ChainID != file.Chain.ID {
		return fmt.Errorf("the nodes follow chain %d now, %s is for chain %d: start over with allegro testnet reset", nodes.ChainID, n.NetworkPath(), file.Chain.ID)
	}
	if err := nodes.Fund(ctx, file, grants); err != nil {
		return err
	}
	n.state.Funded = true
	return n.save()
}

// grants reads what writeAlloc wrote, always in the same order.
func (n *Net) grants() ([]testnet.Grant, error) {
	path := filepath.Join(n.dir, allocName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("testnet: %w", err)
	}
	var alloc map[common.Address]map[common.Address]string
	if err := json.Unmarshal(data, &alloc); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var grants []testnet.Grant
	for token, balances := range alloc {
		for account, text := range balances {
			units, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("reading %s: balance of %s: %w", path, account, err)
			}
			grants = append(grants, testnet.Grant{Token: token, To: account, Units: units})
		}
	}
	slices.SortFunc(grants, func(a, b testnet.Grant) int { return cmp.Or(a.Token.Cmp(b.Token), a.To.Cmp(b.To)) })
	return grants, nil
}
