// Package tracing follows payments through peers as OpenTelemetry spans.
//
// All spans of one payment, whatever peer they come from, are one trace, and the
// trace's id is the first 16 bytes of the payment's. So nothing of it goes over the
// wire, no peer has to believe another's trace context, and who knows a payment's id
// finds its trace. A sampler by the ratio of trace ids picks the same payments at
// every peer.
//
// It knows the ids of payments and nothing else of the protocol, and neither exporters
// nor their configuration.
package tracing
