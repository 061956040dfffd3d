package devchain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

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
type tempoAPI struct{ chain *Chain }

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

// ForkSchedule returns Tempo's hardforks up to the chain's own, all active from the
// start. None is to come.
func (a *tempoAPI) ForkSchedule() scheduleJSON {
	names := a.chain.cfg.Fork.reached()
	forks := make([]forkJSON, len(names))
	for i, name := range names {
		forks[i] = forkJSON{Name: name, Active: true}
	}
	return scheduleJSON{Schedule: forks, Active: names[len(names)-1]}
}

// evmAPI is the evm namespace. It is served only with Config.DevRPC.
type evmAPI struct{ chain *Chain }

// Mine produces a block and returns 0, as anvil does. The block's time is the one
// given, which must not be before the latest block's, or now.
func (a *evmAPI) Mine(seconds *timestamp) (hexutil.Uint64, error) {
	if seconds == nil {
		_, err := a.chain.Mine()
		return 0, err
	}
	if latest := a.chain.head().header.Time; uint64(*seconds) < latest {
		return 0, coded(codeInvalidParams, fmt.Errorf("timestamp %d is before that of the latest block, %d", *seconds, latest))
	}
	_, err := a.chain.mine(time.Unix(int64(*seconds), 0), nil)
	return 0, err
}

// timestamp is seconds since 1970 in JSON: a number or 0x and hex digits, since
// clients of anvil write both.
type timestamp uint64

// UnmarshalJSON implements [json.Unmarshaler].
func (t *timestamp) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'"'}) {
		return (*hexutil.Uint64)(t).UnmarshalJSON(data)
	}
	return json.Unmarshal(data, (*uint64)(t))
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
