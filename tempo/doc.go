// Package tempo is Allegro's view of the Tempo blockchain: the calls and logs
// of TIP-20 tokens and 2D nonces, and a client of one node.
//
// [Chain] asks: lanes pinned to one block ([Chain.Account]), what became of
// transactions ([Chain.Outcomes]), whether a token would allow a transfer
// ([Chain.CanTransfer]); and it submits signed transactions ([Chain.Send]).
// [Follower] turns the node's heads into a gapless sequence of [Update]
// values, across outages and reorganisations. Neither signs anything and
// neither knows the payment protocol.
//
// go-ethereum's ethclient cannot parse Tempo's transactions of type 0x76, so
// blocks are read without transactions, and hashes are taken as the node says
// them. The transaction codec is package tx76; an embedded chain for
// development and tests is package devchain.
package tempo
