// Package aggregator is an ordinary peer that mirrors what the network has said,
// verifies it, keeps it (package archive) and serves it: to other peers by sync, to
// people and programs over HTTP (package httpapi). Nobody needs it and nobody trusts
// it: whatever it hands out can be checked by who receives it. It must not know
// validators or clients.
package aggregator
