package ingress

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

// table routes requests; it is built anew when an Ingress changes, and never
// changed once it is in use.
type table struct {
	hosts     map[string]*server
	wildcards map[string]*server // "*.example.com" under "example.com"
	anyHost   *server
}

// server holds the paths of one host.
type server struct {
	locations []*location // in order of precedence once the table is built
	root      *location   // takes what no path takes; may be nil
	regex     bool        // some path is a regular expression, so all are
}

// location is one path of one Ingress.
type location struct {
	settings
	ingress  endpoints.Key
	path     string
	pathType networkingv1.PathType
	pattern  *regexp.Regexp // where the server's paths are regular expressions
	backend  backend
	canary   *canary
}

// canary is another Ingress's backend for the same path.
type canary struct {
	policy  *canaryPolicy
	backend backend
}

// backend is a Service's port, by name or else by number.
type backend struct {
	service endpoints.Key
	name    string
	number  int32
	turn    *atomic.Uint32 // whose turn it is among the endpoints
}

// upstream is the backend's name as ingress-nginx puts it in metrics.
func (b backend) upstream() string {
	port := b.name
	if port == "" {
		port = fmt.Sprint(b.number)
	}
	return b.service.Namespace + "-" + b.service.Name + "-" + port
}

// buildTable gives the routes and, for each Ingress, what is wrong with it. Where
// two claim one path the older Ingress has it.
func buildTable(ingresses []*networkingv1.Ingress) (*table, map[endpoints.Key][]string) {
	ordered := slices.Clone(ingresses)
	slices.SortFunc(ordered, func(a, b *networkingv1.Ingress) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	b := builder{
		table:    &table{hosts: map[string]*server{}, wildcards: map[string]*server{}, anyHost: &server{}},
		problems: map[endpoints.Key][]string{},
		turns:    map[string]*atomic.Uint32{},
	}
	var canaries []func()
	for _, ingress := range ordered {
		read, problems := readAnnotations(ingress.Annotations)
		for _, problem := range problems {
			b.problem(ingress, "%s", problem)
		}
		if read.canary != nil {
			canaries = append(canaries, func() { b.addCanary(ingress, read) })
			continue
		}
		b.add(ingress, read)
	}
	for _, add := range canaries { // once every path that they may join is there
		add()
	}
	b.finish()
	return b.table, b.problems
}

// match gives the location for a request, or nil.
func (t *table) match(host, requestPath string) *location {
	server := t.server(host)
	cleaned := clean(requestPath)
	for _, location := range server.locations {
		if location.matches(cleaned, server.regex) {
			return location
		}
	}
	return server.root
}

func (t *table) server(host string) *server {
	if found := t.hosts[host]; found != nil {
		return found
	}
	if _, parent, dotted := strings.Cut(host, "."); dotted {
		if found := t.wildcards[parent]; found != nil {
			return found
		}
	}
	return t.anyHost
}

func (l *location) matches(requestPath string, regex bool) bool {
	if regex {
		return l.pattern.MatchString(requestPath)
	}
	switch l.pathType {
	case networkingv1.PathTypeExact:
		return requestPath == l.path
	case networkingv1.PathTypePrefix:
		prefix := strings.TrimSuffix(l.path, "/")
		return strings.HasPrefix(requestPath, prefix) && (len(requestPath) == len(prefix) || requestPath[len(prefix)] == '/')
	default: // ImplementationSpecific is nginx's own prefix, which knows no path elements
		return strings.HasPrefix(requestPath, l.path)
	}
}

// rewritten gives the path for the pod.
func (l *location) rewritten(requestPath string) (string, bool) {
	if l.rewrite == "" || l.rewrite == l.path {
		return "", false
	}
	if l.pattern == nil {
		return l.rewrite, true
	}
	cleaned := clean(requestPath)
	match := l.pattern.FindStringSubmatchIndex(cleaned)
	if match == nil {
		return "", false
	}
	return string(l.pattern.ExpandString(nil, l.rewrite, cleaned, match)), true
}

// clean takes out empty and dot elements, as nginx does before it looks for a
// location, so that /public/../admin is not taken for something public.
func clean(requestPath string) string {
	if !strings.Contains(requestPath, "//") && !strings.Contains(requestPath, "/.") {
		return requestPath
	}
	cleaned := path.Clean(requestPath)
	if cleaned != "/" && (strings.HasSuffix(requestPath, "/") || strings.HasSuffix(requestPath, "/.") || strings.HasSuffix(requestPath, "/..")) {
		cleaned += "/"
	}
	return cleaned
}
