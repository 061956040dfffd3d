package p2p

import (
	"crypto/sha256"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"

	"github.com/ethereum/go-ethereum/common"
)

// topicKind is what a gossip topic carries.
type topicKind uint8

const (
	topicTx       topicKind = iota // lists of payments
	topicCert                      // CertBatches
	topicHead                      // Heads
	topicEvidence                  // Evidence
	topicKinds    = 4
)

// String is the last part of the topic's name, and its label in metrics.
func (k topicKind) String() string {
	switch k {
	case topicTx:
		return "tx"
	case topicCert:
		return "cert"
	case topicHead:
		return "head"
	default:
		return "evidence"
	}
}

// topicName is a committee's topic of a kind:
// /allegro/1/<8 hex>/{tx,cert,head,evidence} (section 3).
func topicName(committeeID common.Hash, kind topicKind) string {
	return fastpay.TopicPrefix(committeeID) + "/" + kind.String()
}

// parseTopic returns the committee's prefix and the kind of a topic. It is the
// inverse of topicName: no other text parses.
func parseTopic(name string) (prefix string, kind topicKind, ok bool) {
	const root, hexDigits = "/allegro/1/", 8
	slash := len(root) + hexDigits
	if len(name) <= slash || name[:len(root)] != root || name[slash] != '/' {
		return "", 0, false
	}
	if strings.Trim(name[len(root):slash], "0123456789abcdef") != "" {
		return "", 0, false
	}
	for kind := range topicKind(topicKinds) {
		if name[slash+1:] == kind.String() {
			return name[:slash], kind, true
		}
	}
	return "", 0, false
}

// messageIDLen is the length of a message id: enough against collisions that
// somebody searches for, a third less of every IHAVE.
const messageIDLen = 20

// messageID identifies a gossip message by its topic and bytes, since no author or
// number is on the wire: the first 20 bytes of SHA-256(byte(len(topic)) ‖ topic ‖
// data) (section 3). The topic is inside, so that a message in one topic cannot
// make another one's look seen.
func messageID(m *pb.Message) string {
	topic := m.GetTopic()
	h := sha256.New()
	h.Write([]byte{byte(len(topic))})
	h.Write([]byte(topic))
	h.Write(m.GetData())
	return string(h.Sum(nil)[:messageIDLen])
}
