package netfile

// Version is the version of the file's format that this package reads and
// writes.
const Version = 1

// File is a network file. One that comes from [Load] or [Parse] is valid; one
// that was put together or changed in the program is checked by
// [File.Validate], [File.Encode] and [File.Rules]. A File that nobody changes
// is safe for concurrent use.
//
// A key that the file leaves out has its zero value, which is refused wherever
// a value is needed.
type File struct {
	Version    uint64      `toml:"version" comment:"What all peers of one network share. Peers whose files differ in anything but names and\naddresses do not talk to each other.\nVersion of this file's format."`
	Name       string      `toml:"name" comment:"Name of the network, for people."`
	Chain      Chain       `toml:"chain" comment:"The chain that payments settle on."`
	Assets     []Asset     `toml:"asset" comment:"A TIP-20 token that can be paid with. min_amount is the least amount of a payment in token\nunits: with 6 decimals, \"1\" is 0.000001."`
	Fees       Fees        `toml:"fees" comment:"What a payment and its sponsor may spend on fees."`
	Limits     Limits      `toml:"limits" comment:"Times in seconds, and how much a member sponsors."`
	Committees []Committee `toml:"committee" comment:"The validators of one epoch, which vote on chain time from start until end (Unix seconds).\nEpochs ascend, and each one starts when its predecessor has ended or later."`
}

// Chain is the chain that payments settle on.
type Chain struct {
	// ID is the chain's EIP-155 id.
	ID uint64 `toml:"id" comment:"EIP-155 id of the chain."`
	// BlockTimeSeconds is the usual time between two blocks, at least 1. A
	// submission that is not included within two of them passes to the next
	// member.
	BlockTimeSeconds uint64 `toml:"block_time_seconds" comment:"Usual time between two blocks, in seconds."`
	// Finality says which blocks validators build on.
	Finality Finality `toml:"finality" comment:"\"finalized\", or \"latest\": only for a development chain without finality."`
	// Lane says how nonce keys are made and how payments settle.
	Lane Lane `toml:"lane" comment:"\"payment\", or \"subblock\" (Tempo before T4)."`
	// FIFO says that the chain executes transactions in order of submission, so
	// that a payment and its parents may be handed over at once. If it is false,
	// a member submits one level of them and waits for the receipt.
	FIFO bool `toml:"fifo" comment:"Whether the chain executes in order of submission: a payment and its parents may be handed\nover at once. If not, one level of them goes out per receipt."`
}

// Finality names the blocks that validators take as settled (section 4).
type Finality string

const (
	// Finalized: the blocks that the node reports as finalized.
	Finalized Finality = "finalized"
	// Latest: every block as soon as the node has it. A payment that rests on a
	// block which is replaced is lost, so this is for development chains only.
	Latest Finality = "latest"
)

// Lane names the kind of the network's lanes; see [fastpay.LaneKind].
type Lane string

const (
	// PaymentLane is a payment lane: Tempo T4 and later.
	PaymentLane Lane = "payment"
	// SubBlockLane is a sub-block lane, which settles only through the node of
	// its home member: Tempo before T4.
	SubBlockLane Lane = "subblock"
)

// Asset is a TIP-20 token that can be paid with.
type Asset struct {
	Symbol    string  `toml:"symbol"`     // for people; unique in the file whatever the case
	Address   Address `toml:"address"`    // of the token's contract
	Decimals  uint8   `toml:"decimals"`   // one token is 10^Decimals units; TIP-20 has 6
	MinAmount Amount  `toml:"min_amount"` // token units, at least 1; a payment below is refused
}

// Fees says what a payment and its sponsor may spend.
type Fees struct {
	// MaxFeePerGas are the values of max_fee that a payment may name, in
	// attodollars per gas. A wallet names the first one.
	MaxFeePerGas []Amount `toml:"max_fee_per_gas" comment:"The values that a payment may name, in attodollars; wallets name the first one."`
	// FeeToken is the TIP-20 token that sponsors pay fees in.
	FeeToken Address `toml:"fee_token" comment:"The token that sponsors pay fees in."`
}

// Limits are the times of section 8, in seconds, and the limit on sponsoring.
type Limits struct {
	// MinSettleSeconds is the least time a payment must have to go when it is
	// signed, at least [Chain.LeastSettleSeconds].
	MinSettleSeconds uint64 `toml:"min_settle_seconds" comment:"Least time to go for a payment that is signed: at least three block times, the finality lag\nand three seconds."`
	// MaxLifeSeconds is the most time a payment may have to go when it is
	// signed, at most a day: a slot stays taken that long if its payment never
	// certifies. Wallets need ten seconds between it and MinSettleSeconds.
	MaxLifeSeconds uint64 `toml:"max_life_seconds" comment:"Most time to go for a payment that is signed, at most 86400: a payment that never certifies\nblocks its payer's lane that long."`
	// DefaultLifeSeconds is what a wallet gives a payment.
	DefaultLifeSeconds uint64 `toml:"default_life_seconds" comment:"What wallets give a payment."`
	// SponsoredPerPayerPerHour is the number of payments that one member
	// sponsors for one payer in an hour, at least 1: it bounds what a payer can
	// cost.
	SponsoredPerPayerPerHour uint64 `toml:"sponsored_per_payer_per_hour" comment:"Payments that a member sponsors for one payer in an hour."`
}

// Committee is the set of validators of one epoch.
type Committee struct {
	Epoch uint64 `toml:"epoch"` // ascends through the file
	Start uint64 `toml:"start"` // chain time in seconds from which it votes
	End   uint64 `toml:"end"`   // chain time in seconds that none of its payments outlives
	// Members stand in any order; their signer indexes follow from the keys.
	Members []Member `toml:"member" comment:"A validator: its Ed25519 vote key, its weight in the quorum, its Tempo consensus key\n(node_key, only with lane \"subblock\"), the account that sponsors what it submits (which cannot\npay through the network) and where to dial it, each address ending in /p2p/ and its peer id."`
}

// Member is a validator of a committee.
type Member struct {
	Name      string   `toml:"name"`                // for people; unique in its committee whatever the case
	Key       Key      `toml:"key"`                 // Ed25519 public key of its votes
	Weight    uint64   `toml:"weight"`              // 1 to 2^32
	NodeKey   Key      `toml:"node_key"`            // its Tempo consensus key; zeros unless the lane is SubBlockLane
	Sponsor   Address  `toml:"sponsor"`             // account that pays the fees of what it submits
	Addresses []string `toml:"addresses,multiline"` // multiaddrs, each with /p2p/ and one peer id; empty if it only dials
}
