package main

import (
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
)

// Why a message was not taken is told, also if nobody is there who could.
func TestDeliveryIsTold(t *testing.T) {
	const taken, not, nobody = "taken at 2030-", "not taken", "told nobody: config.toml has neither"
	failed := api.OrderMessage{Attempts: "3", Problem: new("refused")}
	for _, tt := range []struct {
		m        api.OrderMessage
		receiver bool
		want     string
	}{
		{api.OrderMessage{Delivered: new("1900000000000000")}, true, taken},
		{api.OrderMessage{Delivered: new("1900000000000000")}, false, taken},
		{failed, true, not + ", tried 3 times: refused"},
		{api.OrderMessage{}, true, not},
		{api.OrderMessage{}, false, nobody},
	} {
		if got := deliveryOf(&tt.m, tt.receiver); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%+v, receiver %t: %q, want %q", tt.m, tt.receiver, got, tt.want)
		}
	}
}
