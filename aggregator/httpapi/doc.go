// Package httpapi serves what an aggregator knows to programs and people that are no
// peers: JSON under /api/v1, server-sent events, the page, health and metrics. Nobody
// needs it and nobody has to trust it: payments, votes and QCs come with the bytes that
// prove them. openapi.yaml describes every route; the routes that the original system
// had keep their names and fields.
package httpapi
