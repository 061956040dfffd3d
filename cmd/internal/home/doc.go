// Package home is one peer's directory: its configuration, its keys, its data, and
// what a running process leaves there for commands to find.
//
//	config.toml   what is the peer's own: role, addresses, node, accounts
//	network.toml  what all peers of the network share
//	contacts.toml names of accounts to pay to
//	keys/         p2p.key (transport), validator.key (votes), password (of keystore/)
//	keystore/     accounts, go-ethereum keystore v3
//	data/         the peer's database
//	run/          node.lock, api.json and the API's socket while a process runs; in a
//	              testnet also allegro.log
//
// Private files have mode 0600, and one that others can read is refused. The package
// knows files only: it starts nothing and speaks to nobody.
package home
