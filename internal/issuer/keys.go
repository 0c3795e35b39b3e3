package issuer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/zap"
)

// keys sign tokens: the last one does, and those before it are published for as
// long as what they have signed is good.
type keys struct {
	directory string
	now       func() time.Time

	mutex sync.Mutex
	all   []key
}

type key struct {
	jose.JSONWebKey
	until time.Time // when it is no longer published; zero while it signs
}

const keyFile = "signing-key.pem"

// openKeys takes the key that is kept in directory, or makes one.
func openKeys(directory string, now func() time.Time) (*keys, error) {
	k := &keys{directory: directory, now: now}
	private, err := readKey(directory)
	if err != nil {
		return nil, err
	}
	if private == nil {
		return k, k.rotate()
	}
	return k, k.add(private)
}

func readKey(directory string) (*ecdsa.PrivateKey, error) {
	if directory == "" {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(directory, keyFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("read the signing key: it isn't PEM")
	}
	private, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	return private, nil
}

// rotate has another key sign from now on.
func (k *keys) rotate() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	if k.directory != "" {
		encoded, err := x509.MarshalECPrivateKey(private)
		if err != nil {
			return fmt.Errorf("write the signing key: %w", err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
		if err := os.WriteFile(filepath.Join(k.directory, keyFile), text, 0o600); err != nil {
			return fmt.Errorf("keep the signing key: %w", err)
		}
	}
	return k.add(private)
}

func (k *keys) add(private *ecdsa.PrivateKey) error {
	added := jose.JSONWebKey{Key: private, Algorithm: string(jose.ES256), Use: "sig"}
	public := added.Public()
	thumb, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return fmt.Errorf("name the signing key: %w", err)
	}
	added.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	now := k.now()
	published := k.all[:0]
	for _, one := range k.all {
		if one.until.IsZero() {
			one.until = now.Add(Lifetime + time.Minute)
		}
		if one.until.After(now) {
			published = append(published, one)
		}
	}
	k.all = append(published, key{JSONWebKey: added})
	return nil
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
			logger.Info("another key signs")
		}
	}
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
	k.mutex.Lock()
	signing := k.all[len(k.all)-1].JSONWebKey
	k.mutex.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: signing}, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text, nil
}
