package fastpay

// Limits of the protocol (section 8). They are part of validity: every peer
// applies the same ones.
const (
	// MaxMessageSize bounds a gossip payload, and so what a queue of 1,024 can hold.
	// 64 payments take 16 KiB, 165 KiB at the very worst. With their parents' QCs
	// fewer may fit: publishers split the list, and leave out QCs that fit nowhere.
	MaxMessageSize = 256 << 10

	// MaxQCSize bounds a QC. At worst each of 1,024 members of equal weight signed a
	// full batch: 1,024 certificates of 411 bytes, of which 64 are the signature and
	// 330 a path of ten hashes, and a payment of 2,700 bytes, 424 kB in all. A quorum
	// of them has 683 and 284 kB, which is more than a gossip payload may have: such
	// QCs go by sync.
	MaxQCSize = 512 << 10

	// MaxPayments is the number of payments in one tx message. 64 of them amortise
	// the cost of a message 15 times over and keep a retry small.
	MaxPayments = 64

	// MaxBatch is the number of votes one root signature covers. A path is then
	// at most ten hashes, and a group commit never waits for a larger batch.
	MaxBatch = 1024

	// MaxParents is the number of incoming payments one payment may cite.
	MaxParents = 8

	// MaxDepth bounds chains of unexecuted credits and the votes that a
	// validator gives in one lane above the last certified slot, so that a
	// decision stays in microseconds.
	MaxDepth = 32

	// MaxMembers is the size of the largest committee.
	MaxMembers = 1024

	// MaxWeight is the largest weight of one member; sums then fit an uint64.
	MaxWeight = 1 << 32

	// maxSignature bounds the payer's signature: a WebAuthn payload is at most
	// 2,048 bytes plus its kind byte (TEMPO transaction, signature encodings).
	maxSignature = 2049

	// PaymentGas is the gas limit of every payment. The first use of a lane that
	// credits a new account costs about 550,000 from Tempo's T1 on.
	PaymentGas = 1_000_000
)
