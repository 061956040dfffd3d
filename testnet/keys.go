package testnet

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Names of the first peers, in the order in which a network takes them. Further
// ones are numbered.
var (
	clientNames     = []string{"alice", "bob", "carol", "peggy", "trent", "victor", "walter"}
	validatorNames  = []string{"dave", "edgar", "frank", "grace", "heidi", "ivan", "judy"}
	aggregatorNames = []string{"olivia"}
)

// ValidatorName is the name of the i-th validator.
func ValidatorName(i int) string { return nameOf(validatorNames, "validator", i) }

// AggregatorName is the name of the i-th aggregator.
func AggregatorName(i int) string { return nameOf(aggregatorNames, "aggregator", i) }

// nameOf returns the i-th name of a list.
func nameOf(names []string, role string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s-%d", role, i+1)
}

// The keys of a testnet follow from public texts: whoever reads this has them.
// They are worth nothing on a chain with value.

func keySeed(use, name string) [32]byte {
	return sha256.Sum256([]byte("allegro/testnet/" + use + "/" + name))
}

// voteKey is a validator's Ed25519 key. With this text the named validators'
// signer indexes follow the order of their names.
func voteKey(name string) ed25519.PrivateKey {
	seed := keySeed("vote 48", name)
	return ed25519.NewKeyFromSeed(seed[:])
}

// nodeKey is the Ed25519 public key of a validator's chain node. Nobody signs with it
// here: the embedded chain has no consensus.
func nodeKey(name string) (key netfile.Key) {
	seed := keySeed("node", name)
	copy(key[:], ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	return key
}

// chooseAccounts gives each client its account. With [Config.OneHome] it takes the
// first of a client's keys whose lane has the home of the first client's.
func (n *Network) chooseAccounts() {
	n.accounts = make(map[string]*ecdsa.PrivateKey)
	home := -1
	for _, a := range n.cfg.Clients {
		for try := 0; n.accounts[a.Name] == nil; try++ {
			name := a.Name
			if try > 0 {
				name = fmt.Sprintf("%s %d", a.Name, try)
			}
			key := n.cfg.accountKey("account", name)
			lane := fastpay.Lane{ChainID: n.rules.ChainID(), Asset: Asset, Sender: addressOf(key)}
			at := lane.Home(n.committee, 0)
			if home < 0 {
				home = at
			}
			if at == home || !n.cfg.OneHome {
				n.accounts[a.Name] = key
			}
		}
	}
}

// clientKey is the account of a client, also of one that was added later.
func (n *Network) clientKey(name string) *ecdsa.PrivateKey {
	if key := n.accounts[name]; key != nil {
		return key
	}
	return n.cfg.accountKey("account", name)
}

// accountKey is a secp256k1 account: of a client, or a validator's sponsor.
func (c *Config) accountKey(use, name string) *ecdsa.PrivateKey {
	seed := keySeed(use, c.Salt+name)
	key, err := crypto.ToECDSA(seed[:])
	if err != nil {
		panic("testnet: a public text made no key: " + err.Error())
	}
	return key
}

func addressOf(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }
