package faults

import "strings"

// Exempt tells whether a route never has faults: whatever isn't a REST route
// under /api/ or a gRPC method of the service's own, so probes, metrics, pages
// of documentation and profiles; and the administration, or an injected fault
// could not be taken back.
func Exempt(route string) bool {
	path, rooted := strings.CutPrefix(route, "/")
	service, rest, _ := strings.Cut(path, "/")
	switch {
	case !rooted || rest == "":
		return true
	case service == "api":
		return hasPart(rest, "/", func(part string) bool { return strings.EqualFold(part, "admin") })
	case strings.Contains(service, ".") && !strings.HasPrefix(service, "grpc."):
		return hasPart(service, ".", func(part string) bool { return strings.HasPrefix(strings.ToLower(part), "admin") })
	}
	return true
}

func hasPart(route, separator string, wanted func(string) bool) bool {
	for part := range strings.SplitSeq(route, separator) {
		if wanted(part) {
			return true
		}
	}
	return false
}

// pattern is a route, or the beginning of one with a * after it.
type pattern string

func (p pattern) matches(route string) bool {
	if beginning, open := strings.CutSuffix(string(p), "*"); open {
		return strings.HasPrefix(route, beginning)
	}
	return string(p) == route
}

// example is a route that matches.
func (p pattern) example() string {
	beginning, open := strings.CutSuffix(string(p), "*")
	if open {
		beginning += "x"
	}
	return beginning
}

func anyMatches(patterns []string, route string) bool {
	for _, wanted := range patterns {
		if pattern(wanted).matches(route) {
			return true
		}
	}
	return false
}
