// Package api is how commands talk to a running peer: JSON over HTTP on a Unix socket
// in the peer's home, which nobody but its owner can open. It has the routes, the
// requests, the client and the errors; package document has the documents, which
// commands print as they are. Package daemon serves it.
package api

// Routes. {id} is a tx id or a peer id unless its line says otherwise.
const (
	RouteSelf      = "/v1/self"                  // GET → Self
	RouteWait      = "/v1/wait"                  // GET ?for= → Self, once that holds
	RouteSnapshot  = "/v1/snapshot"              // GET ?measure= → Snapshot
	RoutePeers     = "/v1/peers"                 // GET ?measure= → Peers; POST ConnectRequest → Peers
	RoutePeer      = "/v1/peers/{id}"            // DELETE → Peers, once its connections are closed
	RoutePing      = "/v1/peers/{id}/ping"       // POST → Ping
	RouteTopics    = "/v1/topics"                // GET → Topics
	RouteScores    = "/v1/scores"                // GET → Scores
	RouteTail      = "/v1/tail"                  // GET ?topic=&decode= → Message, one JSON document a line as they come
	RouteCommittee = "/v1/committee"             // GET → Committee
	RouteBalance   = "/v1/balance/{id}"          // GET ?asset= → Balance; {id} is an address
	RoutePayments  = "/v1/payments"              // GET ?account=&limit= → Payments; POST PayRequest → Payment
	RoutePayment   = "/v1/payments/{id}"         // GET ?wait= → Payment
	RouteWhy       = "/v1/payments/{id}/why"     // GET → Why
	RouteQC        = "/v1/payments/{id}/qc"      // GET → fastpay.QCFile
	RouteWatch     = "/v1/watch"                 // GET ?id= → Payment whenever one changes, one JSON document a line
	RouteRequests  = "/v1/requests"              // GET → Requests; POST AskRequest → PaymentRequest
	RouteRequest   = "/v1/requests/{id}"         // GET, DELETE → PaymentRequest; {id} is the SHA-256 of its note
	RouteOrders    = "/v1/orders"                // GET ?state=&limit= → Orders
	RouteOrder     = "/v1/orders/{id}"           // GET → Order
	RouteRedeliver = "/v1/orders/{id}/redeliver" // POST → Order
	RouteMetrics   = "/metrics"                  // GET → Prometheus text
	RouteProfile   = "/debug/pprof/{id}"         // GET ?seconds= → a profile of Go's runtime; {id} is its kind
)
