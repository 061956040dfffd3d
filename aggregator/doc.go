// Package aggregator is an ordinary peer that mirrors what it verified and serves
// it to others by sync. Nobody needs it and nobody trusts it: whatever it hands
// out is checked by who receives it. It must not know validators or clients.
package aggregator
