package auth_test

import (
	"testing"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/auth/authtest"
)

func BenchmarkVerify(b *testing.B) {
	issuer := authtest.New(b)
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		key := issuer.AddKey(b, algorithm)
		token := issuer.Token(b, authtest.SignedBy(key))
		for name, size := range map[string]int{"cached": 100, "uncached": -1} {
			b.Run(algorithm+"/"+name, func(b *testing.B) {
				options := issuer.Options()
				options.CacheSize = size
				verifier := newVerifier(b, options)
				measure(b, verifier, token)
			})
		}
	}
	b.Run("refused", func(b *testing.B) {
		verifier := issuer.Verifier(b)
		forged := issuer.Token(b)
		forged = forged[:len(forged)-8] + "AAAAAAAA"
		b.ReportAllocs()
		for b.Loop() {
			if _, err := verifier.Verify(b.Context(), forged); err == nil {
				b.Fatal("it is taken")
			}
		}
	})
}

func BenchmarkVerifyParallel(b *testing.B) {
	issuer := authtest.New(b)
	verifier := issuer.Verifier(b)
	token := issuer.Token(b)
	if _, err := verifier.Verify(b.Context(), token); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			if _, err := verifier.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func measure(b *testing.B, verifier *auth.Verifier, token string) {
	b.Helper()
	if _, err := verifier.Verify(b.Context(), token); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
