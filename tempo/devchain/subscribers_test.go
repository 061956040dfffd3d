package devchain_test

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
)

// Subscriptions are bounded, and ended ones make room.
func TestSubscriberLimit(t *testing.T) {
	c := start(t)
	heads := make(chan *types.Header)
	first, err := c.client.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	for range 1023 {
		if _, err := c.client.SubscribeNewHead(t.Context(), heads); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.client.SubscribeNewHead(t.Context(), heads); err == nil || !strings.Contains(err.Error(), "too many subscriptions: 1024 are open") {
		t.Errorf("one too many: %v", err)
	}
	first.Unsubscribe()
	waitFor(t, "room for another subscriber", func() bool {
		_, err := c.client.SubscribeNewHead(t.Context(), heads)
		return err == nil
	})
}
