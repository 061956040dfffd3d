package client

import (
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/stretchr/testify/require"
)

// A validator that makes up reject codes makes no series of them.
func TestMadeUpCodesAreOneSeries(t *testing.T) {
	for _, code := range fastpay.Codes() {
		require.Equal(t, string(code), answerOf(p2p.SubmitResult{Reject: &fastpay.Reject{Code: code}}))
	}
	require.Equal(t, "other", answerOf(p2p.SubmitResult{Reject: &fastpay.Reject{Code: "NEWS_OF_TODAY"}}))
	require.Equal(t, "certificate", answerOf(p2p.SubmitResult{Certificate: &fastpay.Certificate{}}))
}
