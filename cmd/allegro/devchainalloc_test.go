package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/ethereum/go-ethereum/common"
)

// Accounts as an alloc writes them.
const (
	aliceText = "0xa1f30c5e401c2e48ad6022eB617d8e43eD0AD5bc"
	bobText   = "0x17605184E34932aCeB2f404573FDFe7B831C54A9"
)

func TestReadAlloc(t *testing.T) {
	text := fmt.Sprintf(`{
  %q: {%q: "15000000", %q: "340282366920938463463374607431768211455"},
  %q: {}
}`, tempo.PathUSD.Hex(), aliceText, strings.ToLower(bobText), strings.ToLower(tempo.AlphaUSD.Hex()))
	alloc, err := readAlloc(write(t, "alloc.json", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	pathUSD := alloc[tempo.PathUSD]
	if len(alloc) != 2 || len(pathUSD) != 2 || len(alloc[tempo.AlphaUSD]) != 0 {
		t.Fatalf("alloc %v", alloc)
	}
	if a, b := pathUSD[common.HexToAddress(aliceText)], pathUSD[common.HexToAddress(bobText)]; a.Dec() != "15000000" || b.BitLen() != 128 {
		t.Errorf("balances %s and %s", a, b)
	}
	if alloc, err := readAlloc(write(t, "none.json", []byte(" {}\n"))); err != nil || alloc == nil || len(alloc) != 0 {
		t.Errorf("no balances: %v, %v", alloc, err)
	}
}

// Whatever is not exactly an alloc is refused, with the place and the reason.
func TestAllocRefused(t *testing.T) {
	token := fmt.Sprintf("{\n%q: ", tempo.PathUSD.Hex())
	account := token + fmt.Sprintf("{\n%q: ", aliceText)
	for _, test := range []struct{ text, says string }{
		{"", ":1: the file ends too early"},
		{"[]", ":1: the tokens are not an object"},
		{"null", ":1: the tokens are not an object"},
		{"{\n\n}\n{}", ":4: something follows the balances"},
		{"{\n\"USD\": {}}", ":2: token \"USD\" is not an address"},
		{"{\n\"" + bobText + "\": {}}", ":2: token " + bobText + " is none of the chain's: it has " + tempo.PathUSD.Hex() + ", "},
		{token + "{},\n\"" + strings.ToLower(tempo.PathUSD.Hex()) + "\": {}}", ":3: token " + tempo.PathUSD.Hex() + " is there twice"},
		{token + "7}", ":2: the accounts of token " + tempo.PathUSD.Hex() + " are not an object"},
		{token + "{\n\"0x12\": \"1\"}}", ":3: account \"0x12\" is not an address"},
		{token + "{\n\"0xA1f30c5e401c2e48ad6022eB617d8e43eD0AD5bc\": \"1\"}}", ":3: account address 0xA1f30c5e401c2e48ad6022eB617d8e43eD0AD5bc has a wrong checksum"},
		{account + "\"1\",\n\"" + strings.ToLower(aliceText) + "\": \"2\"}}", ":4: account " + common.HexToAddress(aliceText).Hex() + " is there twice"},
		{account + "15}}", ":3: balance of " + common.HexToAddress(aliceText).Hex() + " is not a string: write"},
		{account + "{}}}", " is not a string: write"},
		{account + "\"1.5\"}}", ":3: balance of " + common.HexToAddress(aliceText).Hex() + ": \"1.5\" is not an amount"},
		{account + "\"0x5\"}}", "\"0x5\" is not an amount"},
		{account + "\"-1\"}}", "\"-1\" is not an amount"},
		{account + "\"\"}}", "\"\" is not an amount"},
		{account + "\"340282366920938463463374607431768211456\"}}", "is too large"},
		{account + "\"1\"\n\"2\"}}", ":4: invalid character"},
		{account + "\"1\"}", ":3: the file ends too early"},
		{account + "\"1", "the file ends too early"},
		{account + "\"1\",}}", ":3: invalid character '}'"},
	} {
		path := write(t, "alloc.json", []byte(test.text))
		runOne(t.Context(), devchainCommand(), io.Discard, nil, "--listen", "127.0.0.1:0", "--alloc", path).
			expect(t, exitUsage, "--alloc: "+path+":", test.says)
	}
}

func TestFund(t *testing.T) {
	account := devchain.DevAccounts()[1]
	alloc := make(allocation)
	if err := fund(alloc, account.Hex()+"=10.50"); err != nil {
		t.Fatal(err)
	}
	for _, token := range devchain.Tokens() {
		if got := alloc[token][account]; got == nil || got.Uint64() != 10_500_000 {
			t.Errorf("token %s: %s", token, got)
		}
	}
	for text, want := range map[string]string{
		account.Hex():                      "want ACCOUNT=TOKENS",
		"bob=1":                            "is not an address",
		account.Hex() + "=1.0000001":       "round it",
		account.Hex() + "=1":               "name it once",
		strings.ToUpper("0x12") + "=12345": "is not an address",
	} {
		if err := fund(alloc, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
