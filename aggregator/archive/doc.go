// Package archive keeps what an aggregator has verified, longer than its Board does
// and over restarts: each payment with its votes, its QC, its outcome and one
// timeline. It shows nothing that is not on disk, so whatever it has shown once it
// shows after a crash too.
//
// An Archive follows a [replica.Replica]: what changes there is written in groups,
// one sync for each, and becomes visible then. It gives back to the Board what an
// earlier run knew of the chain. A retention in time and in size drops payments whose
// fate is final, the oldest first, and never others, beside uncertified ones that the
// Board's own limits have evicted: those anybody can make for free.
package archive
