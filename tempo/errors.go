package tempo

import "errors"

// Sentinel errors, one for each decision a caller takes. Every error of
// [Chain] wraps exactly one of them, or the error of the caller's context, or
// it is a mistake in the arguments that no retry mends.
var (
	// ErrUnreachable means that the node gave no answer: it is down, too slow,
	// or refuses more requests for now. Nothing is known about what was asked,
	// a transaction may have been taken all the same. Try again later.
	ErrUnreachable = errors.New("the node gave no answer, check that it runs, is not overloaded, and that its URL is right")

	// ErrBadAnswer means that the node answered something that JSON-RPC or the
	// chain's rules do not allow. Treat it as an outage and look at the node.
	ErrBadAnswer = errors.New("the node's answer makes no sense, check that the URL names a Tempo node")

	// ErrUnavailable means that the node works but cannot say: it does not
	// have the block or its state (yet, any more, or since a reorganisation).
	// Take a newer block and ask again.
	ErrUnavailable = errors.New("the node cannot answer this, take a newer block and ask again")

	// ErrCheckNonce means that a submitted transaction is already known, was
	// overtaken or is priced below one in its place. Whether it took effect is
	// told only by the lane's nonce and its outcome.
	ErrCheckNonce = errors.New("the node has this transaction or another one in its place, check the nonce of its lane")

	// ErrRefused means that the node refuses a submitted transaction for a
	// reason of its own, which the error names. The same bytes may be taken
	// later, for example when the sponsor has funds again.
	ErrRefused = errors.New("the node refused the transaction")

	// ErrPolicy means that the token would revert a transfer between the two
	// accounts, whatever the amount. The error holds a [RevertError].
	ErrPolicy = errors.New("the token forbids this transfer")

	// ErrFinalityViolated means that the node showed another hash for a block
	// that it had called final. Nothing that was read from it can be relied
	// on: a validator stops signing, and a person has to look.
	ErrFinalityViolated = errors.New("a finalized block was replaced, stop and check the node")
)

// errUnsupported marks a method that the node does not have.
var errUnsupported = errors.New("the node does not have this method")
