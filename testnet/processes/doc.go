// Package processes runs a testnet as processes of this machine: a development chain,
// validators, clients and aggregators, each in a home of its own, all of them started
// by the allegro program as its user would. The network is a folder:
//
//	testnet.json     what the network was made of
//	network.toml     the network file that every home has a copy of
//	alloc.json       what accounts hold at genesis, or are given on another's chain
//	prometheus.json  where the peers serve metrics, as Prometheus's file_sd_configs reads it
//	chain/           the chain's blocks, and the log of its process, if it is its own
//	NAME/            the home of a peer
//
// Processes outlive the command that started them. They are found again by the locks
// that they hold in their folders, so nothing else is ever stopped.
package processes
