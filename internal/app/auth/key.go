package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// leastRSA is the least length of an RSA key, in bits: RFC 7518, 3.3.
const leastRSA = 2048

// key is a public key of the issuer's.
type key struct {
	id         string
	algorithm  string // the only one it is for; empty is any that fits its type
	public     any
	thumbprint []byte
	withdrawn  atomic.Bool // the issuer no longer has it
}

func (k *key) same(other *key) bool {
	return k.algorithm == other.algorithm && bytes.Equal(k.thumbprint, other.thumbprint)
}

// fits tells whether the key can have made a signature of this algorithm. A
// key of one type must never be taken for one of another.
func (k *key) fits(algorithm jose.SignatureAlgorithm) bool {
	if k.algorithm != "" && k.algorithm != string(algorithm) {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]jose.SignatureAlgorithm{
			jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		}, algorithm)
	case *ecdsa.PublicKey:
		bits := map[jose.SignatureAlgorithm]int{jose.ES256: 256, jose.ES384: 384, jose.ES512: 521}
		return bits[algorithm] == public.Curve.Params().BitSize
	case ed25519.PublicKey:
		return algorithm == jose.EdDSA
	}
	return false
}

// parseKeys reads a JWK set. Keys that can't be used are left out, as RFC
// 7517, 5 advises: an issuer may have some for others. An empty set is no
// error, and takes all trust away; a document that isn't a set is one.
func parseKeys(document []byte) ([]*key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil || set.Keys == nil {
		return nil, errors.New("the issuer's keys aren't a JWK set")
	}
	keys := []*key{}
	for _, raw := range set.Keys {
		if key, ok := parseKey(raw); ok {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func parseKey(raw []byte) (*key, bool) {
	var operations struct {
		Operations []string `json:"key_ops"`
	}
	var jwk jose.JSONWebKey
	if json.Unmarshal(raw, &operations) != nil || json.Unmarshal(raw, &jwk) != nil {
		return nil, false
	}
	verifies := operations.Operations == nil || slices.Contains(operations.Operations, "verify")
	if !verifies || jwk.Use == "enc" || jwk.KeyID == "" || !jwk.Valid() || !jwk.IsPublic() {
		return nil, false
	}
	if public, isRSA := jwk.Key.(*rsa.PublicKey); isRSA && public.N.BitLen() < leastRSA {
		return nil, false
	}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, false
	}
	return &key{id: jwk.KeyID, algorithm: jwk.Algorithm, public: jwk.Key, thumbprint: thumbprint}, true
}
