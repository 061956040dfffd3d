package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// allocation is the balances that a chain begins with, in token units: token →
// account → balance.
type allocation = map[common.Address]map[common.Address]*uint256.Int

// readAlloc reads an allocation from a JSON file, whose balances are decimal
// strings. It is strict, for a balance that is silently another is found late:
// the error names the file, the line and what is wrong there.
func readAlloc(path string) (allocation, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &allocReader{json: json.NewDecoder(bytes.NewReader(data))}
	r.json.UseNumber()
	alloc, err := r.read()
	if err != nil {
		line := 1 + bytes.Count(data[:r.json.InputOffset()], []byte("\n"))
		return nil, fmt.Errorf("%s:%d: %w", path, line, err)
	}
	return alloc, nil
}

// fund adds what ACCOUNT=TOKENS says to an allocation: so many of each token.
func fund(alloc allocation, text string) error {
	who, tokens, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("%q: want ACCOUNT=TOKENS, such as 0x7099…79C8=15", text)
	}
	account, err := parseAddress(who)
	if err != nil {
		return fmt.Errorf("account %w", err)
	}
	units, err := netfile.ParseAmount(tokens, tempo.Decimals)
	if err != nil {
		return err
	}
	for _, token := range devchain.Tokens() {
		if alloc[token] == nil {
			alloc[token] = make(map[common.Address]*uint256.Int)
		}
		if alloc[token][account] != nil {
			return fmt.Errorf("account %s has a balance of token %s already: name it once", account, token)
		}
		alloc[token][account] = units.Clone()
	}
	return nil
}

// allocReader reads an allocation token by token: a map that encoding/json
// fills has one of two entries for the same account.
type allocReader struct {
	json *json.Decoder
}

// read reads the whole file. After an error the decoder is where it occurred.
func (r *allocReader) read() (allocation, error) {
	alloc := make(allocation)
	err := r.object("tokens", func(key string) error {
		token, err := parseAddress(key)
		if err != nil {
			return fmt.Errorf("token %w", err)
		}
		if !slices.Contains(devchain.Tokens(), token) {
			return fmt.Errorf("token %s is none of the chain's: it has %s", token, joinAddresses(devchain.Tokens()))
		}
		if alloc[token] != nil {
			return fmt.Errorf("token %s is there twice: write its accounts together", token)
		}
		alloc[token] = make(map[common.Address]*uint256.Int)
		return r.object("accounts of token "+token.Hex(), func(key string) error {
			return r.balance(alloc[token], key)
		})
	})
	if err != nil {
		return nil, err
	}
	if _, err := r.json.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the balances: remove it")
	}
	return alloc, nil
}

// balance reads the balance of the account that key names.
func (r *allocReader) balance(balances map[common.Address]*uint256.Int, key string) error {
	account, err := parseAddress(key)
	if err != nil {
		return fmt.Errorf("account %w", err)
	}
	if balances[account] != nil {
		return fmt.Errorf("account %s is there twice for one token: write one balance", account)
	}
	value, err := r.token()
	if err != nil {
		return err
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("balance of %s is not a string: write its units like \"10500000\"", account)
	}
	var amount netfile.Amount
	if err := amount.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("balance of %s: %w", account, err)
	}
	balances[account] = (*uint256.Int)(&amount)
	return nil
}

// object reads a JSON object and calls member after each key, to read its value.
func (r *allocReader) object(what string, member func(key string) error) error {
	begin, err := r.token()
	if err != nil {
		return err
	}
	if begin != json.Delim('{') {
		return fmt.Errorf("the %s are not an object: write them like {\"0x…\": …}", what)
	}
	for r.json.More() {
		key, err := r.token()
		if err != nil {
			return err
		}
		if err := member(key.(string)); err != nil { // the decoder takes no other keys
			return err
		}
	}
	_, err = r.token()
	return err
}

// token returns the next token of the file, which must have one.
func (r *allocReader) token() (json.Token, error) {
	token, err := r.json.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("the file ends too early: it must be {\"0xTOKEN\": {\"0xACCOUNT\": \"UNITS\"}}")
	}
	return token, err
}

func parseAddress(text string) (common.Address, error) {
	var a netfile.Address
	err := a.UnmarshalText([]byte(text))
	return common.Address(a), err
}

func joinAddresses(list []common.Address) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.Hex()
	}
	return strings.Join(texts, ", ")
}
