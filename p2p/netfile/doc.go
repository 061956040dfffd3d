// Package netfile is network.toml, the file that all peers of one network
// share: the chain, the assets, the fees and limits, and the committees with
// their members' names, keys and addresses. What is one peer's own, such as its
// node's URL or its keys, is not in it.
//
// [Load] or [Parse] returns a [File] that has been checked as a whole, so its
// [File.Rules], its [File.Digest] and its lookups can be used without further
// checks. Two peers work together if their digests are equal; names and
// addresses are not part of it, so that they can change while the network runs.
//
// Section numbers in comments are those of docs/spec.md.
package netfile
