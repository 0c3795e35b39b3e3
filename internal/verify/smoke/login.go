package smoke

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pocctl/pocctl/internal/fault"
	tokens "github.com/pocctl/pocctl/internal/verify/login"
)

// login checks that the issuer answers and gives a token.
type login struct{ Options }

func (l login) check(ctx context.Context, progress Progress) error {
	return poll(ctx, l.Deadline, Login, progress, l.ask)
}

func (l login) ask(context.Context) (string, *mismatch) {
	found := &mismatch{expected: "a token of " + l.Issuer, next: "curl -i " + tokens.Discovery(l.Issuer) + ", pocctl logs"}
	token, err := l.Token.Token()
	if err != nil {
		var known *fault.Error
		// A secret that is refused or is not there does not come by itself.
		found.final = errors.As(err, &known) && (known.Code == fault.ClientRefused || known.Code == fault.SecretMissing)
		found.got = err.Error()
		return "", found
	}
	detail := "a token of " + l.Issuer
	if !token.Expiry.IsZero() {
		detail += fmt.Sprintf(", good for %s", time.Until(token.Expiry).Round(time.Second))
	}
	return detail, nil
}
