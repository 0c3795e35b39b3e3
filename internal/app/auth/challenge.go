package auth

import "errors"

const realm = `Bearer realm="pocctl"`

// Challenge gives the WWW-Authenticate value of RFC 6750 that goes with an
// error of FromHeader, Verify or Authorize; it is empty for any other error.
func Challenge(err error) string {
	var refused *Refused
	var forbidden *Forbidden
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return realm // RFC 6750, 3.1: no error code if there was no token
	case errors.As(err, &refused):
		return InvalidToken(refused.Reason)
	case errors.As(err, &forbidden):
		return InsufficientScope(forbidden.Needs)
	}
	return ""
}

// InvalidToken is the WWW-Authenticate value of a refused token.
func InvalidToken(reason Reason) string {
	return realm + `, error="invalid_token", error_description="` + reason.describe() + `"`
}

// InsufficientScope is the WWW-Authenticate value for a caller whose role is
// less than what the operation needs.
func InsufficientScope(needs Role) string {
	value := realm + `, error="insufficient_scope"`
	if needs != nobody {
		value += `, scope="` + string(needs) + `"`
	}
	return value
}
