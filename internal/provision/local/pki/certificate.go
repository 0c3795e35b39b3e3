package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// request is what a certificate is to say.
type request struct {
	user   string
	group  string // empty for none
	usages []x509.ExtKeyUsage
	hosts  []string // names and addresses of a server
}

// authority is one that can sign.
type authority struct {
	paths       Credential
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

type maker struct {
	dir string
	now time.Time
}

func (m maker) path(file string) string { return filepath.Join(m.dir, file) }

// authority reads the authority of that name, or makes it. All that an earlier
// one had signed is then found invalid and made again.
func (m maker) authority(file, name string) (authority, error) {
	paths := Credential{Certificate: m.path(file + ".crt"), Key: m.path(file + ".key")}
	certificate, key, err := readPair(paths)
	if err == nil && certificate.IsCA && m.lasts(certificate, authorityRenew) &&
		certificate.Subject.CommonName == name {
		return authority{paths, certificate, key}, nil
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             m.now.Add(-backdate),
		NotAfter:              m.now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	certificate, key, err = m.sign(paths, template, nil)
	if err != nil {
		return authority{}, fmt.Errorf("authority %s: %w", file, err)
	}
	return authority{paths, certificate, key}, nil
}

// leaf reads the certificate of that name, or makes it.
func (m maker) leaf(signer authority, file string, want request) (Credential, error) {
	paths := Credential{Certificate: m.path(file + ".crt"), Key: m.path(file + ".key")}
	template := want.template()
	template.NotBefore = m.now.Add(-backdate)
	template.NotAfter = m.now.Add(leafLife)

	certificate, _, err := readPair(paths)
	if err == nil && m.lasts(certificate, leafRenew) && says(certificate, template) &&
		certificate.CheckSignatureFrom(signer.certificate) == nil {
		return paths, nil
	}
	if _, _, err := m.sign(paths, template, &signer); err != nil {
		return Credential{}, fmt.Errorf("certificate %s: %w", file, err)
	}
	return paths, nil
}

// lasts says whether a certificate is valid now and for that long.
func (m maker) lasts(certificate *x509.Certificate, margin time.Duration) bool {
	return !m.now.Before(certificate.NotBefore) && certificate.NotAfter.Sub(m.now) > margin
}

func (r request) template() *x509.Certificate {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: r.user},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           r.usages,
		BasicConstraintsValid: true,
	}
	if r.group != "" {
		template.Subject.Organization = []string{r.group}
	}
	for _, host := range r.hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template
}

// says tells whether a certificate says what the template says.
func says(certificate, template *x509.Certificate) bool {
	return certificate.Subject.CommonName == template.Subject.CommonName &&
		slices.Equal(certificate.Subject.Organization, template.Subject.Organization) &&
		slices.Equal(certificate.ExtKeyUsage, template.ExtKeyUsage) &&
		slices.Equal(certificate.DNSNames, template.DNSNames) &&
		slices.EqualFunc(certificate.IPAddresses, template.IPAddresses, net.IP.Equal)
}

// sign makes a key and its certificate; without a signer it signs itself.
func (m maker) sign(paths Credential, template *x509.Certificate, signer *authority) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = serial
	if signer == nil {
		signer = &authority{certificate: template, key: key}
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, key.Public(), signer.key)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(encoded)
	if err != nil {
		return nil, nil, err
	}
	// A kill between the two leaves a pair that does not match, which is seen.
	if err := writeKey(paths.Key, key); err != nil {
		return nil, nil, err
	}
	return certificate, key, writeFile(paths.Certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}))
}

// keyPair reads a bare key pair, or makes it.
func (m maker) keyPair(file string) (KeyPair, error) {
	paths := KeyPair{Key: m.path(file + ".key"), Public: m.path(file + ".pub")}
	key, err := readKey(paths.Key)
	if err != nil {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return KeyPair{}, fmt.Errorf("key %s: %w", file, err)
		}
		if err := writeKey(paths.Key, key); err != nil {
			return KeyPair{}, fmt.Errorf("key %s: %w", file, err)
		}
	}
	encoded, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return KeyPair{}, fmt.Errorf("key %s: %w", file, err)
	}
	return paths, writeFile(paths.Public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: encoded}))
}

func readPair(paths Credential) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	block, err := readPEM(paths.Certificate)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(block)
	if err != nil {
		return nil, nil, err
	}
	key, err := readKey(paths.Key)
	if err != nil {
		return nil, nil, err
	}
	public, known := certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !known || !public.Equal(key.Public()) {
		return nil, nil, errors.New("the key is not the certificate's")
	}
	return certificate, key, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	return x509.ParseECPrivateKey(block)
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", filepath.Base(path))
	}
	return block.Bytes, nil
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}))
}
