package ingress

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const annotationPrefix = "nginx.ingress.kubernetes.io/"

// ingress-nginx's defaults.
const (
	defaultReadTimeout = 60 * time.Second
	defaultBodyLimit   = 1 << 20 // bytes
	defaultTries       = 3
	defaultWeightTotal = 100
)

// settings are one Ingress's annotations, read.
type settings struct {
	canary      *canaryPolicy // nil where the Ingress is no canary
	rewrite     string        // replaces the path; may name groups of a regular expression
	useRegex    bool
	readTimeout time.Duration // between two reads from the pod
	bodyLimit   int64         // bytes; 0 is no limit
	tries       int           // endpoints to try at most; 0 is all of them
	upstreamHost,
	appRoot string
}

// canaryPolicy says which requests go to a canary.
type canaryPolicy struct {
	header, headerValue string
	headerPattern       *regexp.Regexp
	cookie              string
	weight, weightTotal int
}

// withoutEffect are annotations that change nothing in an environment that is
// plain HTTP on loopback, or that say what is done anyway.
func withoutEffect() []string {
	return []string{
		"ssl-redirect", "force-ssl-redirect", "preserve-trailing-slash",
		"proxy-connect-timeout", "proxy-send-timeout", "proxy-next-upstream", "proxy-next-upstream-timeout",
		"proxy-buffering", "proxy-buffer-size", "proxy-buffers-number", "proxy-busy-buffers-size",
		"proxy-max-temp-file-size", "proxy-request-buffering", "proxy-http-version", "client-body-buffer-size",
		"service-upstream", "enable-access-log", "enable-rewrite-log",
	}
}

type reader func(into *settings, value string) error

func readers() map[string]reader {
	return map[string]reader{
		"rewrite-target": func(s *settings, v string) error { s.rewrite = v; return nil },
		"use-regex":      func(s *settings, v string) (err error) { s.useRegex, err = strconv.ParseBool(v); return },
		"proxy-read-timeout": func(s *settings, v string) error {
			seconds, err := number(v, 1)
			s.readTimeout = time.Duration(seconds) * time.Second
			return err
		},
		"proxy-body-size":           func(s *settings, v string) (err error) { s.bodyLimit, err = size(v); return },
		"proxy-next-upstream-tries": func(s *settings, v string) (err error) { s.tries, err = number(v, 0); return },
		"upstream-vhost":            func(s *settings, v string) error { s.upstreamHost = v; return nil },
		"app-root": func(s *settings, v string) error {
			if !strings.HasPrefix(v, "/") {
				return errors.New("want a path that begins with /")
			}
			s.appRoot = v
			return nil
		},
		"backend-protocol": func(_ *settings, v string) error {
			if v != "HTTP" && v != "AUTO_HTTP" {
				return errors.New("only HTTP is served")
			}
			return nil
		},
	}
}

func canaryReaders() map[string]func(*canaryPolicy, string) error {
	return map[string]func(*canaryPolicy, string) error{
		"canary-by-header":       func(c *canaryPolicy, v string) error { c.header = v; return nil },
		"canary-by-header-value": func(c *canaryPolicy, v string) error { c.headerValue = v; return nil },
		"canary-by-header-pattern": func(c *canaryPolicy, v string) (err error) {
			c.headerPattern, err = regexp.Compile(v)
			return
		},
		"canary-by-cookie":    func(c *canaryPolicy, v string) error { c.cookie = v; return nil },
		"canary-weight":       func(c *canaryPolicy, v string) (err error) { c.weight, err = number(v, 0); return },
		"canary-weight-total": func(c *canaryPolicy, v string) (err error) { c.weightTotal, err = number(v, 1); return },
	}
}

// readAnnotations gives the settings and, in words, what could not be followed.
// A value that cannot be read leaves the default.
func readAnnotations(annotations map[string]string) (settings, []string) {
	read := settings{readTimeout: defaultReadTimeout, bodyLimit: defaultBodyLimit, tries: defaultTries}
	policy := canaryPolicy{weightTotal: defaultWeightTotal}
	isCanary := false
	var problems []string
	ordinary, canary, quiet := readers(), canaryReaders(), withoutEffect()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ours := strings.CutPrefix(key, annotationPrefix)
		if !ours {
			continue
		}
		value := annotations[key]
		var err error
		switch {
		case name == "canary":
			isCanary, err = strconv.ParseBool(value)
		case ordinary[name] != nil:
			changed := read
			if err = ordinary[name](&changed, value); err == nil {
				read = changed
			}
		case canary[name] != nil:
			changed := policy
			if err = canary[name](&changed, value); err == nil {
				policy = changed
			}
		case !slices.Contains(quiet, name):
			problems = append(problems, fmt.Sprintf("annotation %s is not supported by the local ingress and has no effect", key))
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("annotation %s: %q: %v", key, value, err))
		}
	}
	if isCanary {
		// ingress-nginx takes a total below 100 for 100.
		policy.weightTotal = max(policy.weightTotal, defaultWeightTotal)
		read.canary = &policy
	}
	return read, problems
}

func number(text string, least int) (int, error) {
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > math.MaxInt32 {
		return 0, fmt.Errorf("want a whole number of at least %d", least)
	}
	return value, nil
}

// size reads nginx's notation: bytes, or with k, m or g.
func size(text string) (int64, error) {
	digits := strings.TrimRight(text, "bkmgBKMG")
	value, err := strconv.ParseInt(digits, 10, 32)
	scale, known := map[string]int64{"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[strings.ToLower(text[len(digits):])]
	if err != nil || value < 0 || !known {
		return 0, errors.New("want a size such as 512k, 8m or 1g")
	}
	return value * scale, nil
}
