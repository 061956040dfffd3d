// Package request is what a payee asks for, as a URI that fits a QR code: who is paid,
// how much of which token, on which network, until when, and where the network is
// reached. Pure: it has no clock and opens no connection. The form is that of
// docs/spec.md, "Payment request", held by the vectors in testdata.
package request
