package devchain

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// headerJSON is a header as Tempo's JSON-RPC shows it: Ethereum's fields, the
// block hash, and Tempo's own.
type headerJSON struct {
	Hash             common.Hash      `json:"hash"`
	ParentHash       common.Hash      `json:"parentHash"`
	UncleHash        common.Hash      `json:"sha3Uncles"`
	Coinbase         common.Address   `json:"miner"`
	Root             common.Hash      `json:"stateRoot"`
	TxHash           common.Hash      `json:"transactionsRoot"`
	ReceiptHash      common.Hash      `json:"receiptsRoot"`
	Bloom            types.Bloom      `json:"logsBloom"`
	Difficulty       *hexutil.Big     `json:"difficulty"`
	Number           *hexutil.Big     `json:"number"`
	GasLimit         hexutil.Uint64   `json:"gasLimit"`
	GasUsed          hexutil.Uint64   `json:"gasUsed"`
	Time             hexutil.Uint64   `json:"timestamp"`
	Extra            hexutil.Bytes    `json:"extraData"`
	MixDigest        common.Hash      `json:"mixHash"`
	Nonce            types.BlockNonce `json:"nonce"`
	BaseFee          *hexutil.Big     `json:"baseFeePerGas"`
	GeneralGasLimit  hexutil.Uint64   `json:"mainBlockGeneralGasLimit"`
	SharedGasLimit   hexutil.Uint64   `json:"sharedGasLimit"` // of sub-blocks: 0 since T4
	TimestampMillis  hexutil.Uint64   `json:"timestampMillis"`
	MillisecondsPart hexutil.Uint64   `json:"timestampMillisPart"`
}

func newHeaderJSON(b *block) headerJSON {
	h := b.header
	return headerJSON{
		Hash:            b.hash,
		ParentHash:      h.ParentHash,
		UncleHash:       h.UncleHash,
		Coinbase:        h.Coinbase,
		Root:            h.Root,
		TxHash:          h.TxHash,
		ReceiptHash:     h.ReceiptHash,
		Bloom:           h.Bloom,
		Difficulty:      (*hexutil.Big)(h.Difficulty),
		Number:          (*hexutil.Big)(h.Number),
		GasLimit:        hexutil.Uint64(h.GasLimit),
		GasUsed:         hexutil.Uint64(h.GasUsed),
		Time:            hexutil.Uint64(h.Time),
		Extra:           h.Extra,
		MixDigest:       h.MixDigest,
		Nonce:           h.Nonce,
		BaseFee:         (*hexutil.Big)(h.BaseFee),
		GeneralGasLimit: hexutil.Uint64(h.GasLimit),
		SharedGasLimit:  hexutil.Uint64(b.shared),
		TimestampMillis: hexutil.Uint64(h.Time * 1000),
	}
}

// blockJSON is a block with the hashes of its transactions, or the
// transactions themselves.
type blockJSON struct {
	headerJSON
	Size         hexutil.Uint64 `json:"size"` // of the transactions, in bytes
	Transactions []any          `json:"transactions"`
	Uncles       []common.Hash  `json:"uncles"`
}

func newBlockJSON(b *block, full bool) *blockJSON {
	out := &blockJSON{
		headerJSON:   newHeaderJSON(b),
		Transactions: make([]any, len(b.txs)),
		Uncles:       []common.Hash{},
	}
	for i, tx := range b.txs {
		out.Size += hexutil.Uint64(len(tx.raw))
		if !full {
			out.Transactions[i] = tx.hash
			continue
		}
		shown := newTransactionJSON(tx.signed)
		shown.include(b, tx)
		out.Transactions[i] = shown
	}
	return out
}

// receiptJSON is a receipt: Ethereum's fields and who paid the fee in what.
type receiptJSON struct {
	Type              hexutil.Uint64  `json:"type"`
	Status            hexutil.Uint64  `json:"status"`
	CumulativeGasUsed hexutil.Uint64  `json:"cumulativeGasUsed"`
	Bloom             types.Bloom     `json:"logsBloom"`
	Logs              []*types.Log    `json:"logs"`
	TxHash            common.Hash     `json:"transactionHash"`
	GasUsed           hexutil.Uint64  `json:"gasUsed"`
	EffectiveGasPrice *hexutil.Big    `json:"effectiveGasPrice"`
	BlockHash         common.Hash     `json:"blockHash"`
	BlockNumber       *hexutil.Big    `json:"blockNumber"`
	TransactionIndex  hexutil.Uint    `json:"transactionIndex"`
	From              common.Address  `json:"from"`
	To                *common.Address `json:"to"` // of the first call
	ContractAddress   *common.Address `json:"contractAddress"`
	FeePayer          common.Address  `json:"feePayer"`
	FeeToken          common.Address  `json:"feeToken"`
}

func newReceiptJSON(tx *included) *receiptJSON {
	r := tx.receipt
	return &receiptJSON{
		Type:              hexutil.Uint64(r.Type),
		Status:            hexutil.Uint64(r.Status),
		CumulativeGasUsed: hexutil.Uint64(r.CumulativeGasUsed),
		Bloom:             r.Bloom,
		Logs:              r.Logs,
		TxHash:            r.TxHash,
		GasUsed:           hexutil.Uint64(r.GasUsed),
		EffectiveGasPrice: (*hexutil.Big)(r.EffectiveGasPrice),
		BlockHash:         r.BlockHash,
		BlockNumber:       (*hexutil.Big)(r.BlockNumber),
		TransactionIndex:  hexutil.Uint(r.TransactionIndex),
		From:              tx.sender,
		To:                tx.tx.Calls[0].To,
		FeePayer:          tx.payer,
		FeeToken:          tx.feeToken,
	}
}

// callOfJSON is one call of a transaction.
type callOfJSON struct {
	To    *common.Address `json:"to"`
	Value hexutil.U256    `json:"value"`
	Input hexutil.Bytes   `json:"input"`
}

// tupleJSON is one entry of an access list.
type tupleJSON struct {
	Address     common.Address `json:"address"`
	StorageKeys []common.Hash  `json:"storageKeys"`
}

// transactionJSON is a 0x76 transaction. It has no to, value and input of its
// own: they are in the calls.
type transactionJSON struct {
	Hash                 common.Hash     `json:"hash"`
	BlockHash            *common.Hash    `json:"blockHash"`
	BlockNumber          *hexutil.Big    `json:"blockNumber"`
	TransactionIndex     *hexutil.Uint   `json:"transactionIndex"`
	Type                 hexutil.Uint64  `json:"type"`
	From                 common.Address  `json:"from"`
	ChainID              hexutil.Uint64  `json:"chainId"`
	MaxPriorityFeePerGas hexutil.U256    `json:"maxPriorityFeePerGas"`
	MaxFeePerGas         hexutil.U256    `json:"maxFeePerGas"`
	GasPrice             *hexutil.Big    `json:"gasPrice,omitempty"`
	Gas                  hexutil.Uint64  `json:"gas"`
	Calls                []callOfJSON    `json:"calls"`
	AccessList           []tupleJSON     `json:"accessList"`
	NonceKey             hexutil.U256    `json:"nonceKey"`
	Nonce                hexutil.Uint64  `json:"nonce"`
	ValidBefore          *hexutil.Uint64 `json:"validBefore"`
	ValidAfter           *hexutil.Uint64 `json:"validAfter"`
	FeeToken             *common.Address `json:"feeToken"`
	FeePayerSignature    *signatureJSON  `json:"feePayerSignature"`
	AuthorizationList    []struct{}      `json:"aaAuthorizationList"`
	KeyAuthorization     *hexutil.Bytes  `json:"keyAuthorization"`
	Signature            *signatureJSON  `json:"signature"`
}

func newTransactionJSON(s *signed) *transactionJSON {
	tx := s.tx
	out := &transactionJSON{
		Hash:                 s.hash,
		Type:                 tx76.Type,
		From:                 s.sender,
		ChainID:              hexutil.Uint64(tx.ChainID),
		MaxPriorityFeePerGas: hexutil.U256(tx.MaxPriorityFeePerGas),
		MaxFeePerGas:         hexutil.U256(tx.MaxFeePerGas),
		Gas:                  hexutil.Uint64(tx.Gas),
		Calls:                make([]callOfJSON, len(tx.Calls)),
		AccessList:           make([]tupleJSON, len(tx.AccessList)),
		NonceKey:             hexutil.U256(tx.NonceKey),
		Nonce:                hexutil.Uint64(tx.Nonce),
		ValidBefore:          optional(tx.ValidBefore),
		ValidAfter:           optional(tx.ValidAfter),
		FeeToken:             tx.FeeToken,
		AuthorizationList:    []struct{}{}, // admission refuses all others
		Signature:            newSignatureJSON(s.kind, tx.Signature),
	}
	for i, c := range tx.Calls {
		out.Calls[i] = callOfJSON{To: c.To, Value: hexutil.U256(c.Value), Input: c.Input}
	}
	for i, t := range tx.AccessList {
		out.AccessList[i] = tupleJSON{Address: t.Address, StorageKeys: append([]common.Hash{}, t.StorageKeys...)}
	}
	if tx.Sponsored {
		out.FeePayerSignature = newSignatureJSON(tx76.Secp256k1, tx.SponsorSignature)
		out.FeePayerSignature.Type = ""
	}
	return out
}

// include adds the place in the chain.
func (t *transactionJSON) include(b *block, tx *included) {
	index := hexutil.Uint(tx.receipt.TransactionIndex)
	t.BlockHash = &b.hash
	t.BlockNumber = (*hexutil.Big)(new(big.Int).Set(b.header.Number))
	t.TransactionIndex = &index
	t.GasPrice = (*hexutil.Big)(tx.receipt.EffectiveGasPrice)
}

// optional returns nil for 0, which stands for none.
func optional(x uint64) *hexutil.Uint64 {
	if x == 0 {
		return nil
	}
	return (*hexutil.Uint64)(&x)
}

// signatureJSON is a signature taken apart by its kind.
type signatureJSON struct {
	Type         string          `json:"type,omitempty"` // none for a fee payer
	R            hexutil.U256    `json:"r"`
	S            hexutil.U256    `json:"s"`
	YParity      *hexutil.Uint64 `json:"yParity,omitempty"`
	V            *hexutil.Uint64 `json:"v,omitempty"`
	PubKeyX      *common.Hash    `json:"pubKeyX,omitempty"`
	PubKeyY      *common.Hash    `json:"pubKeyY,omitempty"`
	PreHash      *bool           `json:"preHash,omitempty"`
	WebAuthnData hexutil.Bytes   `json:"webauthnData,omitempty"`
}

// newSignatureJSON takes a verified signature apart.
func newSignatureJSON(kind tx76.Kind, sig []byte) *signatureJSON {
	out := &signatureJSON{Type: kind.String()}
	ecdsa := sig // r ‖ s and what follows
	switch kind {
	case tx76.Secp256k1:
		parity := hexutil.Uint64(sig[64] & 1)
		if sig[64] >= 27 {
			parity ^= 1
		}
		out.YParity, out.V = &parity, &parity
	case tx76.P256:
		hashed := sig[len(sig)-1] == 1
		out.PreHash = &hashed
		ecdsa = sig[1:]
	case tx76.WebAuthn:
		out.Type = "webAuthn"
		split := len(sig) - 128
		out.WebAuthnData = sig[1:split]
		ecdsa = sig[split:]
	}
	out.R = hexutil.U256(*new(uint256.Int).SetBytes32(ecdsa[:32]))
	out.S = hexutil.U256(*new(uint256.Int).SetBytes32(ecdsa[32:64]))
	if kind != tx76.Secp256k1 {
		x, y := common.Hash(ecdsa[64:96]), common.Hash(ecdsa[96:128])
		out.PubKeyX, out.PubKeyY = &x, &y
	}
	return out
}
