// Package client is a wallet as a peer: it signs payments and journals them
// before anybody sees them, hands the same bytes to every validator until a
// quorum answers, gathers certificates and assembles and verifies QCs itself, its
// own and those that pay it. It needs no server and must not know validators or
// aggregators.
package client
