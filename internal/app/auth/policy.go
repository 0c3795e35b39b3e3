package auth

import "errors"

// ErrUnauthenticated says that an operation needs a token, and there is none.
var ErrUnauthenticated = errors.New("this needs a bearer token")

// Forbidden says that the caller is known, but may not.
type Forbidden struct {
	Operation string
	Needs     Role
}

func (e *Forbidden) Error() string {
	if e.Needs == nobody {
		return "nobody may do this"
	}
	return "this needs the role " + string(e.Needs)
}

// rule is the least role that an operation takes.
type rule struct {
	operation string
	least     Role
}

// policy is the one policy of REST and gRPC. Operations go by their ID in the
// OpenAPI document. What is missing here is refused to everybody.
func policy() [19]rule {
	return [...]rule{
		{"listProducts", Anonymous},
		{"getProduct", Anonymous},
		{"searchProducts", Anonymous},
		{"suggestProducts", Anonymous},
		{"createProduct", Editor},
		{"replaceProduct", Editor},
		{"deleteProduct", Editor},
		{"placeOrder", Viewer},
		{"listOrders", Viewer},
		{"getOrder", Viewer},
		{"cancelOrder", Viewer},
		{"whoAmI", Viewer},
		{"listObjectives", Viewer},
		{"listFlags", Admin},
		{"setFlagOverride", Admin},
		{"clearFlagOverride", Admin},
		{"listDeadLetters", Admin},
		{"requeueDeadLetter", Admin},
		{"listAudit", Admin},
	}
}

// Operations gives the least role of each operation, by operation ID.
func Operations() map[string]Role {
	operations := make(map[string]Role)
	for _, rule := range policy() {
		operations[rule.operation] = rule.least
	}
	return operations
}

// Authorize tells whether p may do operation. Errors: ErrUnauthenticated if a
// token might help, *Forbidden if not. An unknown operation is refused.
func Authorize(p Principal, operation string) error {
	least := nobody
	for _, rule := range policy() {
		if rule.operation == operation {
			least = rule.least
			break
		}
	}
	switch {
	case least == Anonymous, !p.IsAnonymous() && p.Role.Allows(least):
		return nil
	case p.IsAnonymous():
		return ErrUnauthenticated
	}
	return &Forbidden{Operation: operation, Needs: least}
}
