package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"testing"
)

// Key signs tokens.
type Key struct {
	ID        string
	Algorithm string // RS256, ES256 or EdDSA
	private   crypto.Signer
}

// NewKey makes a key that no issuer has published. RS256 takes a while.
func NewKey(t testing.TB, id, algorithm string) *Key {
	t.Helper()
	key := &Key{ID: id, Algorithm: algorithm}
	var err error
	switch algorithm {
	case "RS256":
		key.private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		key.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("no such algorithm")
	}
	if err != nil {
		t.Fatalf("make a key for %s: %v", algorithm, err)
	}
	return key
}

// AddKey publishes another key, which signs from now on.
func (i *Issuer) AddKey(t testing.TB, algorithm string) *Key {
	t.Helper()
	i.mutex.Lock()
	i.made++
	id := fmt.Sprintf("key-%d", i.made)
	i.mutex.Unlock()
	key := NewKey(t, id, algorithm)
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.keys = append(i.keys, key)
	return key
}

// Signer is the key that signs.
func (i *Issuer) Signer() *Key {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.keys[len(i.keys)-1]
}

// others are the keys that are published and don't sign.
func (i *Issuer) others() []*Key {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return slices.Clone(i.keys[:len(i.keys)-1])
}

// Rotate publishes a new ES256 key, which signs from now on, beside those
// there are: their tokens stay good.
func (i *Issuer) Rotate(t testing.TB) {
	t.Helper()
	i.AddKey(t, "ES256")
}

// Replace publishes another ES256 key in place of the one that signs, under
// the same ID.
func (i *Issuer) Replace(t testing.TB) {
	t.Helper()
	key := NewKey(t, i.Signer().ID, "ES256")
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.keys[len(i.keys)-1] = key
}

// Withdraw takes back every key but the one that signs.
func (i *Issuer) Withdraw() {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.keys = i.keys[len(i.keys)-1:]
}

// Public is the key's public half.
func (k *Key) Public() crypto.PublicKey { return k.private.Public() }

func (k *Key) jwk() map[string]any {
	jwk := map[string]any{"kid": k.ID, "alg": k.Algorithm, "use": "sig"}
	switch public := k.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"] = "RSA"
		jwk["n"] = encode(public.N.Bytes())
		jwk["e"] = encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, x, y
		if err != nil {
			panic(err) // it was made on the curve
		}
		jwk["kty"], jwk["crv"] = "EC", "P-256"
		jwk["x"], jwk["y"] = encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"] = "OKP", "Ed25519"
		jwk["x"] = encode(public)
	}
	return jwk
}

// sign gives the signature of RFC 7518, 3 or RFC 8037.
func (k *Key) sign(t testing.TB, input string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, failed := ecdsa.Sign(rand.Reader, private, digest[:])
		signature, err = make([]byte, 64), failed
		if err == nil {
			r.FillBytes(signature[:32])
			s.FillBytes(signature[32:])
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	}
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	return signature
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
