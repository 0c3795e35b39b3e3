package api

import "net/http"

// code names one kind of refusal. Clients match on it: it is never renamed, and
// gRPC gives the same ones as reasons.
type code string

const (
	codeMalformedBody      code = "malformed-body"
	codeUnknownField       code = "unknown-field"
	codeDuplicateField     code = "duplicate-field"
	codeWrongType          code = "wrong-type"
	codeParameter          code = "invalid-parameter"
	codeUnauthenticated    code = "unauthenticated"
	codeInvalidToken       code = "invalid-token"
	codeForbidden          code = "forbidden"
	codeNoRoute            code = "no-such-route"
	codeNotFound           code = "product-not-found"
	codeOrderNotFound      code = "order-not-found"
	codeFlagNotFound       code = "flag-not-found"
	codeDeadLetterNotFound code = "dead-letter-not-found"
	codeExperimental       code = "experiment-off"
	codeMethod             code = "method-not-allowed"
	codeSKUTaken           code = "sku-taken"
	codeOrderState         code = "order-not-cancellable"
	codeVersionMismatch    code = "version-mismatch"
	codeTooLarge           code = "body-too-large"
	codeMediaType          code = "unsupported-media-type"
	codeInvalid            code = "invalid-value"
	codeKeyReused          code = "idempotency-key-reused"
	codeRateLimited        code = "rate-limited"
	codeInternal           code = "internal"
	codeInjected           code = "injected-fault"
	codeUnavailable        code = "store-unavailable"
	codeIssuerUnavailable  code = "issuer-unavailable"
	codeAuditUnavailable   code = "audit-unavailable"
	codeQueueFull          code = "queue-full"
	codeOverloaded         code = "overloaded"
)

// describe gives a code's HTTP status and title.
func (c code) describe() (status int, title string) {
	switch c {
	case codeMalformedBody:
		return http.StatusBadRequest, "The body isn't one JSON object"
	case codeUnknownField:
		return http.StatusBadRequest, "The body has a field that isn't known"
	case codeDuplicateField:
		return http.StatusBadRequest, "The body has a field twice"
	case codeWrongType:
		return http.StatusBadRequest, "A field has a value of the wrong type"
	case codeParameter:
		return http.StatusBadRequest, "A parameter can't be used"
	case codeUnauthenticated:
		return http.StatusUnauthorized, "A token is needed"
	case codeInvalidToken:
		return http.StatusUnauthorized, "The token is refused"
	case codeForbidden:
		return http.StatusForbidden, "Your role doesn't allow this"
	case codeNoRoute:
		return http.StatusNotFound, "Nothing here"
	case codeNotFound:
		return http.StatusNotFound, "No such product"
	case codeOrderNotFound:
		return http.StatusNotFound, "No such order"
	case codeFlagNotFound:
		return http.StatusNotFound, "No such flag"
	case codeDeadLetterNotFound:
		return http.StatusNotFound, "No such dead letter"
	case codeExperimental:
		return http.StatusNotFound, "An experiment that isn't on for you"
	case codeMethod:
		return http.StatusMethodNotAllowed, "Method not allowed"
	case codeSKUTaken:
		return http.StatusConflict, "The SKU is taken"
	case codeOrderState:
		return http.StatusConflict, "The order can't be cancelled any more"
	case codeVersionMismatch:
		return http.StatusPreconditionFailed, "The product has changed"
	case codeTooLarge:
		return http.StatusRequestEntityTooLarge, "The body is too large"
	case codeMediaType:
		return http.StatusUnsupportedMediaType, "The body isn't application/json"
	case codeInvalid:
		return http.StatusUnprocessableEntity, "A value breaks the rules"
	case codeKeyReused:
		return http.StatusUnprocessableEntity, "The idempotency key is taken"
	case codeRateLimited:
		return http.StatusTooManyRequests, "Too many requests"
	case codeUnavailable:
		return http.StatusServiceUnavailable, "The product store can't be reached"
	case codeIssuerUnavailable:
		return http.StatusServiceUnavailable, "The token issuer can't be reached"
	case codeAuditUnavailable:
		return http.StatusServiceUnavailable, "The audit log can't be written"
	case codeQueueFull:
		return http.StatusServiceUnavailable, "The order queue is full"
	case codeOverloaded:
		return http.StatusServiceUnavailable, "The service is overloaded"
	case codeInjected:
		return http.StatusInternalServerError, "A fault was injected on purpose"
	case codeInternal:
	}
	return http.StatusInternalServerError, "Something went wrong on our side"
}
