package p2p

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
)

func TestTopicNames(t *testing.T) {
	id := common.HexToHash("0x0123456789abcdef")
	for kind, last := range []string{"tx", "cert", "head", "evidence"} {
		name := topicName(id, topicKind(kind))
		if want := fastpay.TopicPrefix(id) + "/" + last; name != want {
			t.Errorf("topic %d is %s, want %s", kind, name, want)
		}
		prefix, k, ok := parseTopic(name)
		if !ok || prefix != fastpay.TopicPrefix(id) || int(k) != kind {
			t.Errorf("%s parses as %s, %s, %v", name, prefix, k, ok)
		}
	}
}

func FuzzParseTopic(f *testing.F) {
	f.Add("/allegro/1/0123abcd/tx")
	f.Add("/allegro/1/0123ABCD/tx")
	f.Add("/allegro/1/0123abcd/txs")
	f.Add("/allegro/1//tx")
	f.Add("/allegro/2/0123abcd/evidence")
	f.Fuzz(func(t *testing.T, name string) {
		prefix, kind, ok := parseTopic(name)
		if !ok {
			return
		}
		if back := prefix + "/" + kind.String(); back != name {
			t.Errorf("%q parses as %q", name, back)
		}
		if len(prefix) != len("/allegro/1/01234567") || !strings.HasPrefix(prefix, "/allegro/1/") || strings.ToLower(prefix) != prefix {
			t.Errorf("%q has prefix %q", name, prefix)
		}
	})
}

func message(topic string, data []byte) *pb.Message { return &pb.Message{Topic: &topic, Data: data} }

func TestMessageID(t *testing.T) {
	const topic = "/allegro/1/0123abcd/tx"
	want := sha256.Sum256([]byte("\x16" + topic + "payload"))
	if got := messageID(message(topic, []byte("payload"))); got != string(want[:20]) {
		t.Errorf("message id is %x, want %x", got, want[:20])
	}
	empty, author := messageID(message(topic, nil)), message(topic, nil)
	author.From, author.Seqno = []byte("somebody"), []byte{1}
	if messageID(author) != empty {
		t.Error("an author changes the message id")
	}
}

// FuzzMessageID: different messages have different ids, wherever the border between
// topic and data lies.
func FuzzMessageID(f *testing.F) {
	f.Add("ab", []byte("c"), "a", []byte("bc"))
	f.Add("a", []byte("x"), "b", []byte("x"))
	f.Add("", []byte{}, "", []byte{0})
	f.Fuzz(func(t *testing.T, topic1 string, data1 []byte, topic2 string, data2 []byte) {
		if len(topic1) > 255 || len(topic2) > 255 {
			return // no topic of ours is that long
		}
		same := topic1 == topic2 && string(data1) == string(data2)
		id1, id2 := messageID(message(topic1, data1)), messageID(message(topic2, data2))
		if len(id1) != messageIDLen || (id1 == id2) != same {
			t.Errorf("ids %x and %x of %q %x and %q %x", id1, id2, topic1, data1, topic2, data2)
		}
	})
}

func TestTopicFilter(t *testing.T) {
	w := NewWorld(t, 1)
	filter := newTopicFilter(w.Rules)
	for _, c := range []struct {
		topic string
		want  bool
	}{
		{topicName(w.Now.ID(), topicTx), true},
		{topicName(w.Later.ID(), topicEvidence), true}, // not joined yet
		{topicName(common.Hash{1}, topicTx), false},
		{"/eth2/beacon_block", false},
	} {
		if got := filter.CanSubscribe(c.topic); got != c.want {
			t.Errorf("%s: %v, want %v", c.topic, got, c.want)
		}
	}
	sub := func(topic string) *pb.RPC_SubOpts {
		yes := true
		return &pb.RPC_SubOpts{Topicid: &topic, Subscribe: &yes}
	}
	kept, err := filter.FilterIncomingSubscriptions("", []*pb.RPC_SubOpts{sub("foreign"), sub(topicName(w.Now.ID(), topicTx))})
	if err != nil || len(kept) != 1 {
		t.Errorf("%d subscriptions kept, %v, want 1", len(kept), err)
	}
	var many []*pb.RPC_SubOpts
	for range maxSubscriptions + 1 {
		many = append(many, sub(topicName(w.Now.ID(), topicTx)))
	}
	if _, err := filter.FilterIncomingSubscriptions("", many); err == nil {
		t.Error("a flood of subscriptions passes")
	}
}
