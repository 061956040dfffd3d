package devchain

import (
	"strconv"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// netAPI is the net namespace.
type netAPI struct{ chain *Chain }

// Version returns the chain id in decimal.
func (a *netAPI) Version() string { return strconv.FormatUint(a.chain.cfg.ChainID, 10) }

// web3API is the web3 namespace.
type web3API struct{}

// ClientVersion says what this is, so that nobody takes it for a node.
func (web3API) ClientVersion() string { return "allegro-devchain/v1 (development only)" }

// tempoAPI is the tempo namespace.
type tempoAPI struct{}

// forkJSON is one hardfork.
type forkJSON struct {
	Name           string `json:"name"`
	ActivationTime uint64 `json:"activationTime"`
	Active         bool   `json:"active"`
}

// scheduleJSON is the answer of tempo_forkSchedule.
type scheduleJSON struct {
	Schedule []forkJSON `json:"schedule"`
	Active   string     `json:"active"`
}

// ForkSchedule returns Tempo's hardforks up to T4, all active from the start.
func (tempoAPI) ForkSchedule() scheduleJSON {
	names := []string{"T0", "T1", "T2", "T3", "T4"}
	forks := make([]forkJSON, len(names))
	for i, name := range names {
		forks[i] = forkJSON{Name: name, Active: true}
	}
	return scheduleJSON{Schedule: forks, Active: names[len(names)-1]}
}

// evmAPI is the evm namespace. It is served only with Config.DevRPC.
type evmAPI struct{ chain *Chain }

// Mine produces a block now and returns 0, as anvil does.
func (a *evmAPI) Mine() (hexutil.Uint64, error) {
	_, err := a.chain.Mine()
	return 0, err
}

// anvilAPI is the anvil namespace. It is served only with Config.DevRPC.
type anvilAPI struct{ chain *Chain }

// SetStorageAt sets a storage slot past every rule, for example a balance. A
// block is produced at once, so that the change is visible under a header. It
// does not mend totalSupply.
func (a *anvilAPI) SetStorageAt(contract common.Address, slot slotNumber, value common.Hash) (bool, error) {
	_, err := a.chain.mine(a.chain.now(), []storageWrite{{Contract: contract, Slot: common.Hash(slot), Value: value}})
	return err == nil, err
}
