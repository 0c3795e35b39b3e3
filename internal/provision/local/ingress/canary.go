package ingress

import "net/http"

// takes says whether a request goes to the canary, in ingress-nginx's order:
// header, then cookie, then weight. A header with a wanted value or pattern that
// does not match falls through; "always" and "never" decide only where neither
// is set. random gives a number from 0 up to, not including, its argument.
func (c *canaryPolicy) takes(request *http.Request, random func(int) int) bool {
	if c.header != "" {
		if value := request.Header.Get(c.header); value != "" {
			switch {
			case c.headerValue != "":
				if value == c.headerValue {
					return true
				}
			case c.headerPattern != nil:
				if c.headerPattern.MatchString(value) {
					return true
				}
			case value == "always":
				return true
			case value == "never":
				return false
			}
		}
	}
	if c.cookie != "" {
		if cookie, err := request.Cookie(c.cookie); err == nil {
			switch cookie.Value {
			case "always":
				return true
			case "never":
				return false
			}
		}
	}
	return c.weight > 0 && random(c.weightTotal) < c.weight
}
