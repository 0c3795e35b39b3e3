// Package auth tells who calls: it checks bearer tokens against the keys of an
// OpenID Connect issuer, says what each role may do, and defines the audit log.
// It knows neither the routes of the API nor SQL.
package auth

// Role is what a caller may do. Each role may do all that the ones below may.
type Role string

// The roles, from the least. They are compared as written: "Admin" is none.
const (
	Anonymous Role = ""       // no token
	Viewer    Role = "viewer" // reads, and orders for oneself
	Editor    Role = "editor" // changes products
	Admin     Role = "admin"  // everything
)

// nobody is what an operation needs that the policy doesn't know.
const nobody Role = "nobody"

// Allows tells whether r may do what least may. A role that isn't one of the
// above allows nothing and is allowed to none.
func (r Role) Allows(least Role) bool {
	have, need := r.rank(), least.rank()
	return have >= 0 && need >= 0 && have >= need
}

// rank orders the roles; -1 is no role at all.
func (r Role) rank() int {
	switch r {
	case Anonymous:
		return 0
	case Viewer:
		return 1
	case Editor:
		return 2
	case Admin:
		return 3
	}
	return -1
}
