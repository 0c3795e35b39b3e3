package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/suggest"
)

// IngressURL stands for the address where HTTP enters the environment, scheme
// and host, in auth.issuer and in the values of releases. It is known when the
// ingress is up.
const IngressURL = "$(INGRESS_URL)"

// ClusterURL begins the address of an endpoint inside the cluster, which pocctl reaches
// through the API server: "$(CLUSTER_URL)/NAMESPACE/SERVICE:PORT".
const ClusterURL = "$(CLUSTER_URL)"

// The roles that a client may have, by what they are allowed.
const (
	RoleViewer = "viewer" // reads, and orders of its own
	RoleEditor = "editor" // products, too
	RoleAdmin  = "admin"
)

// Roles lists the roles, the least first.
func Roles() []string { return []string{RoleViewer, RoleEditor, RoleAdmin} }

// Auth says where tokens for the environment's service come from. Without an
// issuer the service is called without tokens.
type Auth struct {
	// Issuer is the OpenID Connect issuer's URL; it may hold IngressURL.
	Issuer string `json:"issuer"`
	// Clients maps a role to the client that has it.
	Clients map[string]string `json:"clients"`
	// Secret is a Secret of the environment's namespace with the clients' secrets,
	// by role.
	Secret string `json:"secret"`
	// SecretEnv takes them from variables of this process instead: role to variable.
	SecretEnv map[string]string `json:"secretEnv"`
	// Scopes and Audience are asked for, where the issuer wants to be.
	Scopes   []string `json:"scopes"`
	Audience string   `json:"audience"`
}

// Enabled says whether there is an issuer.
func (a Auth) Enabled() bool { return a.Issuer != "" }

func (e *Environment) validateAuth(d *document) error {
	a := e.Auth
	if a.Issuer == "" {
		if len(a.Clients)+len(a.SecretEnv)+len(a.Scopes) > 0 || a.Secret+a.Audience != "" {
			return d.invalid("auth.issuer", "give the issuer's URL, for example "+IngressURL+"/issuer", "is missing")
		}
		return nil
	}
	if why := badIssuer(a.Issuer); why != "" {
		return d.invalid("auth.issuer", "write an http or https URL, for example "+IngressURL+"/issuer", "is %q, %s", a.Issuer, why)
	}
	if len(a.Clients) == 0 {
		return d.invalid("auth.clients", "name a client for each role, for example {editor: pocctl-editor}", "is missing")
	}
	for _, role := range sortedKeys(a.Clients) {
		if !slices.Contains(Roles(), role) {
			return d.invalid(join("auth.clients", role), fixRole(role), "is for no role")
		}
		if a.Clients[role] == "" {
			return d.invalid(join("auth.clients", role), "give the client's id", "is empty")
		}
	}
	return a.validateSecrets(d)
}

// badIssuer says what is wrong with an issuer's URL, or nothing.
func badIssuer(issuer string) string {
	expanded := strings.ReplaceAll(issuer, IngressURL, "http://127.0.0.1:8080")
	parsed, err := url.Parse(expanded)
	switch {
	case strings.Contains(expanded, "$("):
		return "where only " + IngressURL + " is known"
	case strings.LastIndex(issuer, IngressURL) > 0:
		return "which does not begin with " + IngressURL
	case err != nil, parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Host == "":
		return "which is no http or https URL"
	case parsed.User != nil, parsed.RawQuery != "", parsed.Fragment != "":
		return "which has more than scheme, host and path"
	}
	return ""
}

// validateSecrets wants the secret of each client, from one place.
func (a Auth) validateSecrets(d *document) error {
	const fix = "name a Secret as secret, or variables as secretEnv, for example {editor: EDITOR_SECRET}"
	switch {
	case a.Secret == "" && len(a.SecretEnv) == 0:
		return d.invalid("auth.secret", fix, "is missing, and so is secretEnv")
	case a.Secret != "" && len(a.SecretEnv) > 0:
		return d.invalid("auth.secretEnv", "keep one of the two", "is given beside secret")
	case a.Secret != "" && !label(a.Secret):
		return d.invalid("auth.secret", labelFix, "is %q, which Kubernetes does not take", a.Secret)
	case a.Secret != "":
		return nil
	}
	for _, role := range sortedKeys(a.SecretEnv) {
		key := join("auth.secretEnv", role)
		switch variable := a.SecretEnv[role]; {
		case !slices.Contains(Roles(), role):
			return d.invalid(key, fixRole(role), "is for no role")
		case a.Clients[role] == "":
			return d.invalid(key, "name the client under clients, or remove it", "is for a role without a client")
		case !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(variable):
			return d.invalid(key, "give the variable's name, for example EDITOR_SECRET; never the secret itself", "is no name of a variable")
		}
	}
	for _, role := range sortedKeys(a.Clients) {
		if a.SecretEnv[role] == "" {
			return d.invalid("auth.secretEnv", fix, "has no variable for %s", role)
		}
	}
	return nil
}

func fixRole(role string) string {
	if near := suggest.Closest(role, Roles()); near != "" {
		return fmt.Sprintf("did you mean %q? The roles are %s", near, strings.Join(Roles(), ", "))
	}
	return "use one of " + strings.Join(Roles(), ", ")
}
