package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

func ingressChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"ingress by path":       ingressPaths,
		"ingress by host":       ingressHosts,
		"canary by weight":      canaryWeight,
		"canary by header":      canaryHeader,
		"ingress rewrites":      ingressRewrites,
		"ingress without a pod": ingressUnavailable,
	}
}

// route is an Ingress of one path; annotations are those of ingress-nginx,
// without their prefix.
func route(name, host, path, service string, annotations ...string) string {
	var list strings.Builder
	for i := 0; i+1 < len(annotations); i += 2 {
		fmt.Fprintf(&list, "    nginx.ingress.kubernetes.io/%s: %q\n", annotations[i], annotations[i+1])
	}
	return fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %s
  annotations:
%s
spec:
  rules:
  - host: %s
    http: {paths: [{path: %s, pathType: ImplementationSpecific, backend: {service: {name: %s, port: {number: 8080}}}}]}
---`, name, list.String(), host, path, service)
}

// ask sends a request through the ingress; headers come as name, value pairs.
// An error is told as its text.
func (l *lab) ask(host, path string, headers ...string) (int, string) {
	request, err := http.NewRequest(http.MethodGet, l.endpoint+path, http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	request.Host = host
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

// answered waits until the ingress gives an answer of 200 that holds a text.
func (l *lab) answered(host, path, text string, headers ...string) {
	l.t.Helper()
	l.Eventually(patience, fmt.Sprintf("%s%s to answer %q", host, path, text), func() (bool, string) {
		code, body := l.ask(host, path, headers...)
		return code == http.StatusOK && strings.Contains(body, text), fmt.Sprint(code, " ", body)
	})
}

func ingressPaths(l *lab) {
	l.greeter("one", 1)
	l.greeter("two", 1)
	l.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: paths}
spec:
  rules:
  - host: paths.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: one, port: {number: 8080}}}}
      - {path: /two, pathType: Prefix, backend: {service: {name: two, port: {name: http}}}}
      - {path: /only, pathType: Exact, backend: {service: {name: two, port: {number: 8080}}}}
`)
	for path, service := range map[string]string{"/": "one", "/x": "one", "/two": "two", "/two/x": "two", "/twofold": "one", "/only": "two", "/only/x": "one"} {
		l.answered("paths.test", path, "from "+service+"-")
	}
	l.reaches("ingress/paths", ".status.loadBalancer.ingress[0].hostname", "localhost")
}

func ingressHosts(l *lab) {
	l.greeter("one", 1)
	l.greeter("two", 1)
	l.apply("%s", route("one", "one.hosts.test", "/", "one")+route("wild", "'*.hosts.test'", "/", "two"))
	l.answered("one.hosts.test", "/", "from one-")
	l.answered("other.hosts.test", "/", "from two-")
	if code, body := l.ask("nowhere.test", "/hosts"); code != http.StatusNotFound {
		l.t.Errorf("a host without a rule answers %d %s", code, body)
	}
}

// canaries brings two versions up, the second behind a canary of the first.
func (l *lab) canaries(host string, annotations ...string) {
	l.t.Helper()
	l.greeter("stable", 1)
	l.greeter("canary", 1)
	l.apply("%s", route("stable", host, "/", "stable")+route("canary", host, "/", "canary", append(annotations, "canary", "true")...))
	l.answered(host, "/", "from ")
}

func canaryWeight(l *lab) {
	l.canaries("weight.test", "canary-weight", "30")
	share := func() int {
		const requests = 200
		canary := 0
		for range requests {
			code, body := l.ask("weight.test", "/")
			if code != http.StatusOK {
				l.t.Fatalf("%d %s", code, body)
			}
			if strings.Contains(body, "from canary-") {
				canary++
			}
		}
		return 100 * canary / requests
	}
	weigh := func(weight string) {
		l.must("annotate", "ingress/canary", "--overwrite", "nginx.ingress.kubernetes.io/canary-weight="+weight)
	}
	l.Eventually(patience, "about 30% on the canary", func() (bool, string) {
		now := share()
		return now >= 15 && now <= 45, fmt.Sprint(now, "%")
	})
	weigh("100")
	l.Eventually(patience, "all on the canary", func() (bool, string) { now := share(); return now == 100, fmt.Sprint(now, "%") })
	weigh("0")
	l.Eventually(patience, "none on the canary", func() (bool, string) { now := share(); return now == 0, fmt.Sprint(now, "%") })
}

func canaryHeader(l *lab) {
	l.canaries("header.test", "canary-by-header", "X-Canary", "canary-by-header-value", "yes")
	l.answered("header.test", "/", "from canary-", "X-Canary", "yes")
	for range 20 {
		if _, body := l.ask("header.test", "/"); !strings.Contains(body, "from stable-") {
			l.t.Fatalf("without the header comes %s", body)
		}
		if _, body := l.ask("header.test", "/", "X-Canary", "no"); !strings.Contains(body, "from stable-") {
			l.t.Fatalf("with another value comes %s", body)
		}
	}
}

func ingressRewrites(l *lab) {
	l.greeter("web", 1)
	l.apply("%s", route("web", "rewrite.test", "/api(/|$)(.*)", "web", "use-regex", "true", "rewrite-target", "/$2"))
	l.answered("rewrite.test", "/api/path", "/path rewrite.test")
}

func ingressUnavailable(l *lab) {
	l.greeter("web", 1)
	l.apply("%s", route("web", "empty.test", "/", "web"))
	l.answered("empty.test", "/", "from web-")
	l.must("scale", "deployment/web", "--replicas=0")
	l.Eventually(patience, "503", func() (bool, string) {
		code, body := l.ask("empty.test", "/")
		return code == http.StatusServiceUnavailable, fmt.Sprint(code, " ", body)
	})
	l.must("scale", "deployment/web", "--replicas=1")
	l.answered("empty.test", "/", "from web-")
}
