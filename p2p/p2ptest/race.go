//go:build race

package p2ptest

import "runtime"

// With more than one processor the race detector of Go 1.26 crashes now and then in
// the timers of a synctest bubble, where simulated networks run.
func init() { runtime.GOMAXPROCS(1) }
