package auth

import "errors"

// Reason says why a token is refused. There are few, so it can be a metric's label.
type Reason string

// The reasons.
const (
	ReasonHeader      Reason = "header"        // not one Authorization header with one bearer token
	ReasonTooLarge    Reason = "too-large"     // more than MaxTokenBytes
	ReasonMalformed   Reason = "malformed"     // not a signed JWT, or a claim of the wrong form
	ReasonType        Reason = "type"          // another kind of token: an ID token, or one bound to a key
	ReasonAlgorithm   Reason = "algorithm"     // signed in a way that isn't accepted, or not at all
	ReasonCritical    Reason = "critical"      // asks for an extension ("crit")
	ReasonIssuer      Reason = "issuer"        // another issuer's
	ReasonKey         Reason = "key"           // signed with no key of the issuer's, or with one withdrawn
	ReasonSignature   Reason = "signature"     // the signature doesn't fit
	ReasonExpired     Reason = "expired"       // past its end
	ReasonNotYetValid Reason = "not-yet-valid" // before its beginning
	ReasonAudience    Reason = "audience"      // meant for another service
	ReasonRole        Reason = "role"          // gives no role of this service
)

// Refused is a token that isn't accepted. It holds nothing of the token, so it
// may be logged and answered.
type Refused struct{ Reason Reason }

func (e *Refused) Error() string { return "the token is refused: " + e.Reason.describe() }

func (r Reason) describe() string {
	switch r {
	case ReasonHeader:
		return "send one Authorization header: Bearer, a space, the token"
	case ReasonTooLarge:
		return "it is too large"
	case ReasonMalformed:
		return "it is malformed"
	case ReasonType:
		return "it is not a plain access token"
	case ReasonAlgorithm:
		return "its signature algorithm is not accepted"
	case ReasonCritical:
		return "it asks for an extension that is not supported"
	case ReasonIssuer:
		return "it is from another issuer"
	case ReasonKey:
		return "its key is not one of the issuer's"
	case ReasonSignature:
		return "its signature does not fit"
	case ReasonExpired:
		return "it has expired"
	case ReasonNotYetValid:
		return "it is not valid yet"
	case ReasonAudience:
		return "it is for another audience"
	case ReasonRole:
		return "it gives no role"
	}
	return "it is not valid"
}

// ErrIssuerUnavailable says that a token can't be judged: its key isn't at
// hand and the issuer doesn't answer. It may be good; try again later.
var ErrIssuerUnavailable = errors.New("the issuer of tokens can't be reached")
