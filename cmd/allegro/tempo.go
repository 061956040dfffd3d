package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/urfave/cli/v3"
)

// maxTxHex bounds what is read of a transaction, in hex digits: twice the most
// that the chain's pool takes, 32 calls of 128 KiB.
const maxTxHex = 4 * 32 * (128 << 10)

// tempoCommand looks into Tempo's own formats. It needs no node.
func tempoCommand() *cli.Command {
	return &cli.Command{
		Name:  "tempo",
		Usage: "look into Tempo transactions",
		Commands: []*cli.Command{
			{
				Name:      "decode",
				Usage:     "print a signed transaction of type 0x76 as JSON",
				ArgsUsage: "0x…",
				Description: "The argument is the transaction in hex, or - to read it from standard input. Signatures are\n" +
					"verified: exit code 3 means that the sender's or the sponsor's is wrong, 2 that the bytes are\n" +
					"not a transaction. Any 0x76 transaction is decoded, be it a payment of Allegro or not.",
				Flags:        []cli.Flag{outputFlag()},
				OnUsageError: usageError,
				Action:       withOutput(decodeTempo),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

// tempoTxDocument is one signed transaction. Numbers are decimal strings; what
// is not known or not set is null.
type tempoTxDocument struct {
	Schema      string              `json:"schema"`
	Kind        string              `json:"kind"` // of the sender's signature
	ChainID     string              `json:"chain_id"`
	Sender      common.Address      `json:"sender"`
	SignHash    common.Hash         `json:"sign_hash"`
	TxHash      *common.Hash        `json:"tx_hash"`   // null while the sponsor has not signed
	NonceKey    common.Hash         `json:"nonce_key"` // 0x and 64 digits
	Nonce       string              `json:"nonce"`
	ValidBefore *string             `json:"valid_before"` // chain seconds
	ValidAfter  *string             `json:"valid_after"`  // chain seconds
	FeeToken    *common.Address     `json:"fee_token"`
	Sponsored   bool                `json:"sponsored"`
	FeePayer    *common.Address     `json:"fee_payer"` // the sponsor or the sender
	Calls       []tempoCallDocument `json:"calls"`
}

// tempoCallDocument is one call of a transaction.
type tempoCallDocument struct {
	To    *common.Address `json:"to"` // null creates a contract
	Value string          `json:"value"`
	Input hexutil.Bytes   `json:"input"`
}

// decodeTempo is the action of tempo decode. It prints JSON in both forms of output.
func decodeTempo(_ context.Context, cmd *cli.Command, _ bool) error {
	raw, err := readTx(cmd)
	if err != nil {
		return err
	}
	tx, err := tx76.Decode(raw)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	d, err := newTempoTxDocument(tx)
	if err != nil {
		return fail(exitVerify, "the transaction is well formed but %w", err)
	}
	return writeJSON(cmd.Root().Writer, d)
}

// readTx returns the bytes of the transaction that the command's only argument
// gives in hex.
func readTx(cmd *cli.Command) ([]byte, error) {
	if n := cmd.Args().Len(); n != 1 {
		return nil, fail(exitUsage, "%s wants one transaction in hex, or - for standard input: it got %d arguments", cmd.FullName(), n)
	}
	text := cmd.Args().First()
	if text == "-" {
		in, err := io.ReadAll(io.LimitReader(cmd.Root().Reader, maxTxHex+1))
		if err != nil {
			return nil, fail(exitUsage, "reading the transaction from standard input: %w", err)
		}
		text = string(in)
	}
	if len(text) > maxTxHex {
		return nil, fail(exitUsage, "the transaction is longer than %d hex digits, no chain takes that", maxTxHex)
	}
	digits := strings.TrimPrefix(strings.TrimSpace(text), "0x")
	raw, err := hex.DecodeString(digits)
	if errors.Is(err, hex.ErrLength) {
		return nil, fail(exitUsage, "the transaction has %d hex digits, an odd number: one is missing or too many", len(digits))
	}
	if err != nil {
		at := strings.IndexFunc(digits, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })
		return nil, fail(exitUsage, "the transaction is not hex: digit %d of %d is none", at+1, len(digits))
	}
	return raw, nil
}

// newTempoTxDocument describes a transaction. The error tells which signature
// does not verify.
func newTempoTxDocument(tx *tx76.Transaction) (*tempoTxDocument, error) {
	sender, kind, err := tx.Sender()
	if err != nil {
		return nil, fmt.Errorf("the sender's signature is wrong: %w", err)
	}
	hash, payer := tx.Hash(), sender
	d := &tempoTxDocument{
		Schema:      "allegro.tempo_tx/v1",
		Kind:        kind.String(),
		ChainID:     strconv.FormatUint(tx.ChainID, 10),
		Sender:      sender,
		SignHash:    tx.SignHash(),
		TxHash:      &hash,
		NonceKey:    tx.NonceKey.Bytes32(),
		Nonce:       strconv.FormatUint(tx.Nonce, 10),
		ValidBefore: optionalDecimal(tx.ValidBefore),
		ValidAfter:  optionalDecimal(tx.ValidAfter),
		FeeToken:    tx.FeeToken,
		Sponsored:   tx.Sponsored,
		FeePayer:    &payer,
		Calls:       make([]tempoCallDocument, len(tx.Calls)),
	}
	for i, c := range tx.Calls {
		d.Calls[i] = tempoCallDocument{To: c.To, Value: c.Value.Dec(), Input: c.Input}
	}
	if !tx.Sponsored {
		return d, nil
	}
	payer, err = tx.SponsorOf(sender)
	switch {
	case errors.Is(err, tx76.ErrNotSponsored): // half-signed: who will pay is open, and so is the hash
		d.FeePayer, d.TxHash = nil, nil
	case err != nil:
		return nil, fmt.Errorf("the sponsor's signature is wrong: %w", err)
	}
	return d, nil
}

// optionalDecimal returns nil for 0, which stands for none.
func optionalDecimal(x uint64) *string {
	if x == 0 {
		return nil
	}
	s := strconv.FormatUint(x, 10)
	return &s
}
