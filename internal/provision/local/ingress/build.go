package ingress

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

// builder fills a table.
type builder struct {
	table    *table
	problems map[endpoints.Key][]string
	turns    map[string]*atomic.Uint32
}

func (b *builder) problem(ingress *networkingv1.Ingress, format string, args ...any) {
	key := keyOf(ingress)
	b.problems[key] = append(b.problems[key], fmt.Sprintf(format, args...))
}

func (b *builder) add(ingress *networkingv1.Ingress, read settings) {
	fallback := b.defaultLocation(ingress, read)
	if len(ingress.Spec.Rules) == 0 && fallback != nil {
		b.takeRoot(ingress, b.table.anyHost, fallback)
	}
	b.eachPath(ingress, func(host string, each networkingv1.HTTPIngressPath, backend backend) {
		location := &location{settings: read, ingress: keyOf(ingress), path: each.Path, pathType: pathType(each), backend: backend}
		server := b.server(host)
		if other := server.find(location.path, location.pathType); other != nil {
			b.problem(ingress, "path %s of host %s belongs to Ingress %s, which is older", location.path, shown(host), other.ingress)
			return
		}
		server.locations = append(server.locations, location)
		server.regex = server.regex || read.useRegex || read.rewrite != "" && read.rewrite != location.path
	})
	for _, rule := range ingress.Spec.Rules {
		if fallback != nil {
			b.takeRoot(ingress, b.server(rule.Host), fallback)
		}
	}
}

func (b *builder) takeRoot(ingress *networkingv1.Ingress, server *server, fallback *location) {
	switch {
	case server.root == nil:
		server.root = fallback
	case server.root.ingress != fallback.ingress:
		b.problem(ingress, "the default backend belongs to Ingress %s, which is older", server.root.ingress)
	}
}

func (b *builder) addCanary(ingress *networkingv1.Ingress, read settings) {
	join := func(stable *location, backend backend, where string) {
		switch {
		case stable == nil:
			b.problem(ingress, "canary: no other Ingress has %s", where)
		case stable.canary != nil:
			b.problem(ingress, "canary: %s has a canary already", where)
		case stable.backend.upstream() == backend.upstream():
			b.problem(ingress, "canary: %s goes to the same Service as without it", where)
		default:
			stable.canary = &canary{policy: read.canary, backend: backend}
		}
	}
	if fallback := b.defaultLocation(ingress, read); fallback != nil {
		join(b.table.anyHost.root, fallback.backend, "a default backend")
	}
	b.eachPath(ingress, func(host string, each networkingv1.HTTPIngressPath, backend backend) {
		where := fmt.Sprintf("path %s of host %s", each.Path, shown(host))
		join(b.server(host).find(each.Path, pathType(each)), backend, where)
	})
}

// eachPath visits the paths that have a Service behind them.
func (b *builder) eachPath(ingress *networkingv1.Ingress, visit func(string, networkingv1.HTTPIngressPath, backend)) {
	for _, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, each := range rule.HTTP.Paths {
			if each.Path == "" {
				each.Path = "/"
			}
			if each.Backend.Service == nil {
				b.problem(ingress, "path %s of host %s: only a Service can be a backend", each.Path, shown(rule.Host))
				continue
			}
			visit(rule.Host, each, b.backend(ingress, each.Backend.Service))
		}
	}
}

func (b *builder) defaultLocation(ingress *networkingv1.Ingress, read settings) *location {
	if ingress.Spec.DefaultBackend == nil || ingress.Spec.DefaultBackend.Service == nil {
		return nil
	}
	return &location{
		settings: read, ingress: keyOf(ingress), path: "/", pathType: networkingv1.PathTypePrefix,
		backend: b.backend(ingress, ingress.Spec.DefaultBackend.Service),
	}
}

// backend shares the turn between all paths that lead to one port.
func (b *builder) backend(ingress *networkingv1.Ingress, service *networkingv1.IngressServiceBackend) backend {
	made := backend{
		service: endpoints.Key{Namespace: ingress.Namespace, Name: service.Name},
		name:    service.Port.Name, number: service.Port.Number,
	}
	name := made.upstream()
	if b.turns[name] == nil {
		b.turns[name] = new(atomic.Uint32)
	}
	made.turn = b.turns[name]
	return made
}

func (b *builder) server(host string) *server {
	host = strings.ToLower(host)
	if host == "" {
		return b.table.anyHost
	}
	servers := b.table.hosts
	if parent, wildcard := strings.CutPrefix(host, "*."); wildcard {
		servers, host = b.table.wildcards, parent
	}
	if servers[host] == nil {
		servers[host] = &server{}
	}
	return servers[host]
}

func (s *server) find(path string, kind networkingv1.PathType) *location {
	for _, location := range s.locations {
		if location.path == path && location.pathType == kind {
			return location
		}
	}
	return nil
}

// finish puts the paths in order: exact ones, then the longest first; or only
// the longest first where they are regular expressions, of which nginx takes the
// first that matches.
func (b *builder) finish() {
	servers := []*server{b.table.anyHost}
	for _, group := range []map[string]*server{b.table.hosts, b.table.wildcards} {
		for _, server := range group {
			servers = append(servers, server)
		}
	}
	for _, server := range servers {
		if server.regex {
			server.locations = slices.DeleteFunc(server.locations, func(location *location) bool {
				return !b.compile(location)
			})
		}
		slices.SortStableFunc(server.locations, func(x, y *location) int {
			if exactX, exactY := x.isExact(), y.isExact(); exactX != exactY && !server.regex {
				if exactX {
					return -1
				}
				return 1
			}
			return cmp.Compare(len(y.path), len(x.path))
		})
	}
}

func (l *location) isExact() bool { return l.pathType == networkingv1.PathTypeExact }

// compile makes the path a regular expression: as it stands where the path type
// leaves its meaning to the controller, else with the meaning of its type.
func (b *builder) compile(location *location) bool {
	expression := location.path
	switch location.pathType {
	case networkingv1.PathTypeExact:
		expression = regexp.QuoteMeta(location.path) + "$"
	case networkingv1.PathTypePrefix:
		expression = regexp.QuoteMeta(strings.TrimSuffix(location.path, "/")) + "(?:/|$)"
	}
	pattern, err := regexp.Compile("(?i)^(?:" + expression + ")")
	if err != nil {
		b.problems[location.ingress] = append(b.problems[location.ingress], fmt.Sprintf("path %s is no regular expression: %v", location.path, err))
		return false
	}
	location.pattern = pattern
	location.rewrite = goTemplate(location.rewrite)
	return true
}

// goTemplate turns nginx's $1 into Go's ${1}: in "$1x" Go would look for a group
// named "1x". Any other $ stays what it is.
func goTemplate(target string) string {
	var out strings.Builder
	for i := 0; i < len(target); i++ {
		switch {
		case target[i] != '$':
			out.WriteByte(target[i])
		case i+1 < len(target) && target[i+1] >= '0' && target[i+1] <= '9':
			out.WriteString("${" + target[i+1:i+2] + "}")
			i++
		default:
			out.WriteString("$$")
		}
	}
	return out.String()
}

func pathType(each networkingv1.HTTPIngressPath) networkingv1.PathType {
	if each.PathType == nil {
		return networkingv1.PathTypeImplementationSpecific
	}
	return *each.PathType
}

func keyOf(ingress *networkingv1.Ingress) endpoints.Key {
	return endpoints.Key{Namespace: ingress.Namespace, Name: ingress.Name}
}

func shown(host string) string {
	if host == "" {
		return "*"
	}
	return host
}
