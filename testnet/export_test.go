package testnet

import "github.com/allegro-p2p/allegro/aggregator/httpapi"

// DemoAccounts are the accounts that a network's page gives the keys of.
func DemoAccounts(n *Network) []httpapi.DemoAccount { return (&demo{n}).Accounts() }
