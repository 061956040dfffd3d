package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// The headers of a message, as Standard Webhooks names them.
const (
	HeaderID        = "webhook-id"        // orders.MessageID: the same however often it is told
	HeaderTimestamp = "webhook-timestamp" // of this attempt, in Unix seconds
	HeaderSignature = "webhook-signature" // of both and the body
)

// sign returns the signature of a message by a secret: "v1," and the base64 of the
// HMAC-SHA-256 of id, timestamp and body with dots between.
func sign(s Secret, id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
