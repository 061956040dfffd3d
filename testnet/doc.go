// Package testnet composes whole networks: validators, clients, aggregators and
// a chain. The demo, the tests and the benchmarks use the same [Network], over
// loopback sockets and the real clock or over a simulated network in virtual
// time. Beside cmd/internal/daemon, which runs one peer of any role, it is the only
// package that knows all roles.
package testnet
