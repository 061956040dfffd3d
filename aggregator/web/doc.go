// Package web is the aggregator's page and the handler that serves it. The page is
// written in TypeScript and built into dist:
//
//   - src: the page, and carol.html, which is the page as one file without an aggregator,
//   - peer: the libp2p peer that a browser tab can be,
//   - verifier: what checks payments, votes and QCs in the browser,
//   - e2e: the page in a real browser, against real networks.
//
// Nothing is decided here: the page shows what an aggregator says, and what it checked
// itself.
package web
