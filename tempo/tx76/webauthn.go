package tx76

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/common"
)

// Sizes of a WebAuthn signature after its first byte, r ‖ s ‖ x ‖ y included.
const (
	webAuthnMin = 4 * 32
	webAuthnMax = 2048
)

// authDataLength is the only accepted length of the authenticator data: RP id
// hash, flags and counter, with neither attested credentials nor extensions.
const authDataLength = 32 + 1 + 4

// Bits of the authenticator data's flags byte.
const (
	flagUserPresent  = 0x01
	flagUserVerified = 0x04
	flagAttested     = 0x40
	flagExtensions   = 0x80
)

// maxClientDataDepth bounds the nesting of clientDataJSON. Browsers write a
// flat object; the chain's parser gives up at a depth of its own, and what it
// would refuse must be refused here too.
const maxClientDataDepth = 16

// verifyWebAuthn returns the account of a passkey assertion over hash.
func verifyWebAuthn(hash common.Hash, sig []byte) (common.Address, error) {
	body := sig[1:]
	data, rsxy := body[:len(body)-webAuthnMin], body[len(body)-webAuthnMin:]
	if len(data) <= authDataLength {
		return common.Address{}, fmt.Errorf("%d bytes before the signature hold no authenticator data of %d bytes with client data", len(data), authDataLength)
	}
	authData, clientData := data[:authDataLength], data[authDataLength:]
	if err := checkAuthenticatorFlags(authData[32]); err != nil {
		return common.Address{}, err
	}
	if err := checkClientData(clientData, hash); err != nil {
		return common.Address{}, fmt.Errorf("client data: %w", err)
	}
	clientHash := sha256.Sum256(clientData)
	digest := sha256.Sum256(append(bytes.Clone(authData), clientHash[:]...))
	return verifyRSXY(digest[:], rsxy)
}

// checkAuthenticatorFlags wants a user who was there and nothing appended.
func checkAuthenticatorFlags(flags byte) error {
	switch {
	case flags&(flagUserPresent|flagUserVerified) == 0:
		return errors.New("authenticator flags tell neither user presence nor verification")
	case flags&flagAttested != 0:
		return errors.New("authenticator data carries attested credentials")
	case flags&flagExtensions != 0:
		return errors.New("authenticator data carries extensions")
	}
	return nil
}

// checkClientData wants a JSON object of an assertion whose challenge is hash.
//
// It accepts less than JSON allows, so that no reader of the same bytes can see
// another challenge or refuse them: valid UTF-8, no escape sequences, each of
// the two members exactly once and spelt exactly so.
func checkClientData(data []byte, hash common.Hash) error {
	switch {
	case !utf8.Valid(data):
		return errors.New("not UTF-8")
	case !json.Valid(data):
		return errors.New("not JSON")
	case bytes.IndexByte(data, '\\') >= 0:
		return errors.New("escape sequences are not accepted")
	}
	want := map[string]string{
		"type":      "webauthn.get",
		"challenge": base64.RawURLEncoding.EncodeToString(hash[:]),
	}
	seen := make(map[string]bool, len(want))
	dec := json.NewDecoder(bytes.NewReader(data))
	if token, _ := dec.Token(); token != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		expected, known := want[name]
		if !known {
			if err := skipValue(dec); err != nil {
				return fmt.Errorf("member %q: %w", name, err)
			}
			continue
		}
		if seen[name] {
			return fmt.Errorf("member %q twice", name)
		}
		seen[name] = true
		if value, err := dec.Token(); err != nil || value != expected {
			return fmt.Errorf("member %q is not %q", name, expected)
		}
	}
	if len(seen) < len(want) {
		return errors.New("member \"type\" or \"challenge\" missing")
	}
	return nil
}

// skipValue takes one JSON value of bounded depth from dec.
func skipValue(dec *json.Decoder) error {
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxClientDataDepth {
				return fmt.Errorf("nested deeper than %d", maxClientDataDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
