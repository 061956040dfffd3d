package testnet

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

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
