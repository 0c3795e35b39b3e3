package issuer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/zap"
)

// keys sign tokens: the last one does, and those before it are published for as
// long as what they have signed is good.
type keys struct {
	directory string // keeps them; none if empty
	now       func() time.Time

	mutex sync.Mutex
	all   []key
}

const keyFile = "signing-keys.pem"

// key is a private one while it signs, and a public one afterwards.
type key struct {
	jose.JSONWebKey
	until time.Time // when it is no longer published; zero while it signs
}

// outlives is how long a key is published after it has signed the last token:
// clocks may differ.
const outlives = Lifetime + time.Minute

// openKeys takes the keys that are kept in directory, or makes one.
func openKeys(directory string, now func() time.Time) (*keys, error) {
	k := &keys{directory: directory, now: now}
	if err := k.read(); err != nil {
		return nil, fmt.Errorf("read the signing keys: %w", err)
	}
	if len(k.all) == 0 {
		if err := k.rotate(); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// rotate has another key sign from now on. If that can't be kept, nothing changes.
func (k *keys) rotate() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	added, err := named(private, time.Time{})
	if err != nil {
		return err
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	now := k.now()
	var next []key
	for _, one := range k.all {
		if one.until.IsZero() {
			one = key{one.Public(), now.Add(outlives)}
		}
		if one.until.After(now) {
			next = append(next, one)
		}
	}
	next = append(next, added)
	if err := keep(k.directory, next); err != nil {
		return fmt.Errorf("keep the signing keys: %w", err)
	}
	k.all = next
	return nil
}

// named names a key, private or public, by what it is (RFC 7638).
func named(material any, until time.Time) (key, error) {
	one := jose.JSONWebKey{Key: material, Algorithm: string(jose.ES256), Use: "sig"}
	thumb, err := one.Thumbprint(crypto.SHA256)
	if err != nil {
		return key{}, fmt.Errorf("name the signing key: %w", err)
	}
	one.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	return key{one, until}, nil
}

func (k *keys) rotateEvery(ctx context.Context, interval time.Duration, logger *zap.Logger) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := k.rotate(); err != nil {
				logger.Error("the signing key can't be changed", zap.Error(err))
				continue
			}
			logger.Info("another key signs", zap.String("key", k.signing().KeyID))
		}
	}
}

func (k *keys) signing() jose.JSONWebKey {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.all[len(k.all)-1].JSONWebKey
}

// public are the keys that are published.
func (k *keys) public() jose.JSONWebKeySet {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	var set jose.JSONWebKeySet
	for _, one := range k.all {
		if one.until.IsZero() || one.until.After(k.now()) {
			set.Keys = append(set.Keys, one.Public())
		}
	}
	return set
}

// sign signs claims as a token of the given type.
func (k *keys) sign(kind string, claims map[string]any) (string, error) {
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(kind))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.signing()}, options)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text, nil
}
