package aws

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// domain is staging's.
const domain = "staging.example.com"

// internet is a proxy that knows one host, the domain, which edge answers for. It gives
// its address, and the certificate to trust.
func internet(t *testing.T, edge http.Handler) (address string, authority []byte) {
	t.Helper()
	certificate, authority := certify(t)
	tunnel := &tunnels{ends: make(chan net.Conn), closed: make(chan struct{})}
	secure := &http.Server{Handler: edge, ReadHeaderTimeout: time.Minute}
	go func() {
		_ = secure.Serve(tls.NewListener(tunnel, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}))
	}()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != domain+":443" {
			http.Error(w, "there is no such host", http.StatusBadGateway)
			return
		}
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return // it has gone
		}
		if _, err := connection.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err != nil {
			return
		}
		select {
		case tunnel.ends <- connection:
		case <-tunnel.closed:
		}
	}))
	t.Cleanup(func() {
		proxy.Close()
		_ = secure.Close()
	})
	return proxy.URL, authority
}

// tunnels are connections that come by the proxy.
type tunnels struct {
	ends   chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *tunnels) Accept() (net.Conn, error) {
	select {
	case connection := <-l.ends:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *tunnels) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *tunnels) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// certify makes a certificate of the domain that vouches for itself.
func certify(t *testing.T) (certificate tls.Certificate, authority []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
