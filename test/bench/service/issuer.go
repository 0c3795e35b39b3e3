//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
)

// issuer publishes one key, and signs with it.
type issuer struct {
	url    string
	server *http.Server
	key    jose.JSONWebKey
}

const lifetime = 2 * time.Hour

func newIssuer() (*issuer, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &issuer{url: "http://" + listener.Addr().String(), key: jose.JSONWebKey{Key: private, KeyID: "bench", Algorithm: string(jose.ES256)}}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.key.Public()}})
	if err != nil {
		return nil, err
	}
	i.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(public)
	})}
	go func() { _ = i.server.Serve(listener) }() // ends with stop
	return i, nil
}

// Token gives an editor's token.
func (i *issuer) Token() (*oauth2.Token, error) {
	options := (&jose.SignerOptions{}).WithType("at+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, options)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	text, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": i.url, "sub": "bench", "aud": "pocctl", "client_id": "bench", "roles": []string{"editor"},
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}).Serialize()
	return &oauth2.Token{AccessToken: text, TokenType: "Bearer", Expiry: now.Add(lifetime)}, err
}

func (i *issuer) stop() error { return i.server.Close() }
