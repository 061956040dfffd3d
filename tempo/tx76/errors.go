package tx76

import "errors"

// Sentinel errors, one for each decision a caller takes. Every error of this
// package wraps exactly one of them.
var (
	// ErrMalformed marks bytes that are not a 0x76 transaction or not the only
	// encoding of one. No peer can make them valid: refuse them for ever.
	ErrMalformed = errors.New("malformed 0x76 transaction")

	// ErrSignature marks a signature that has no accepted form or does not
	// verify over the hash it was given for.
	ErrSignature = errors.New("invalid signature")

	// ErrNotSponsored is returned when a sponsor is asked for, or asked to
	// sign, where the transaction has none: the sender signed the self-paid
	// form, or the sponsor's signature is still missing.
	ErrNotSponsored = errors.New("transaction has no sponsor")
)
