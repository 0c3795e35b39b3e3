package auth

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// unverified is a token that was taken apart, and of which nothing is known
// to be true yet.
type unverified struct {
	jws       *jose.JSONWebSignature
	algorithm jose.SignatureAlgorithm
	kid       string
	kind      string // "typ"
	claims    claims
}

// header is what counts of a token's header. Keys that a token brings along
// or points to (jwk, jku, x5c, x5u) don't: they say nothing about who made it.
type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
}

// takeApart reads a token in one way only: three parts in strict base64url,
// JSON in UTF-8, no member twice. What another parser may read differently is
// refused. Errors: *Refused.
func takeApart(token string, accepted []jose.SignatureAlgorithm) (unverified, error) {
	if len(token) > MaxTokenBytes {
		return unverified{}, &Refused{ReasonTooLarge}
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return unverified{}, &Refused{ReasonMalformed}
	}
	for i, part := range parts {
		// No signature is a matter of the algorithm, which is looked at below.
		if !isStrict(part) || part == "" && i < 2 {
			return unverified{}, &Refused{ReasonMalformed}
		}
	}
	var head header
	if !decode(parts[0], &head) {
		return unverified{}, &Refused{ReasonMalformed}
	}
	if head.Critical != nil {
		return unverified{}, &Refused{ReasonCritical}
	}
	algorithm := jose.SignatureAlgorithm(head.Algorithm)
	if !slices.Contains(accepted, algorithm) {
		return unverified{}, &Refused{ReasonAlgorithm}
	}
	var said claims
	if !decode(parts[1], &said) || said == nil {
		return unverified{}, &Refused{ReasonMalformed}
	}
	jws, err := jose.ParseSignedCompact(token, accepted)
	if err != nil {
		return unverified{}, &Refused{ReasonMalformed}
	}
	return unverified{jws: jws, algorithm: algorithm, kid: head.KeyID, kind: head.Type, claims: said}, nil
}

// signedBy gives the one of the keys that signed the token, or nil.
func (u unverified) signedBy(keys []*key) *key {
	for _, key := range keys {
		if !key.fits(u.algorithm) {
			continue
		}
		if _, err := u.jws.Verify(key.public); err == nil {
			return key
		}
	}
	return nil
}

// isStrict tells whether part is base64url without padding. Go's decoder
// would skip line breaks.
func isStrict(part string) bool {
	for i := range len(part) {
		if !isBase64URL(part[i]) {
			return false
		}
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return err == nil
}

func decode(part string, into any) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	return err == nil && utf8.Valid(text) && json.Unmarshal(text, into) == nil
}
