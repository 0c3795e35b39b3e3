package issuer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The file has the key that signs as a private key, and those before it as public
// keys with the time until when they are published.
const (
	privateBlock = "EC PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
	untilHeader  = "Published-Until"
)

// read takes the keys that are kept, if any are.
func (k *keys) read() error {
	if k.directory == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(k.directory, keyFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var signs bool
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		one, err := decode(block)
		if err != nil {
			return err
		}
		signs = one.until.IsZero()
		k.all = append(k.all, one)
	}
	if !signs {
		return fmt.Errorf("the last block of %s is no private key in PEM", keyFile)
	}
	return nil
}

func decode(block *pem.Block) (key, error) {
	if block.Type == privateBlock {
		private, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return key{}, err
		}
		if private.Curve != elliptic.P256() {
			return key{}, errors.New("it is no key for ES256")
		}
		return named(private, time.Time{})
	}
	until, err := time.Parse(time.RFC3339, block.Headers[untilHeader])
	if err != nil {
		return key{}, err
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return key{}, err
	}
	return named(public, until)
}

// keep writes keys in place of those that were kept; a directory that isn't named
// keeps none.
func keep(directory string, all []key) error {
	if directory == "" {
		return nil
	}
	var text bytes.Buffer
	for _, one := range all {
		block, err := encode(one)
		if err != nil {
			return err
		}
		if err := pem.Encode(&text, block); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(directory, keyFile+"-*") // which nobody else can read
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(directory, keyFile))
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

func encode(one key) (*pem.Block, error) {
	if private, signs := one.Key.(*ecdsa.PrivateKey); signs {
		text, err := x509.MarshalECPrivateKey(private)
		return &pem.Block{Type: privateBlock, Bytes: text}, err
	}
	text, err := x509.MarshalPKIXPublicKey(one.Key)
	return &pem.Block{Type: publicBlock, Bytes: text, Headers: map[string]string{untilHeader: one.until.UTC().Format(time.RFC3339)}}, err
}
