package ingress

import (
	"slices"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	exact    = networkingv1.PathTypeExact
	prefix   = networkingv1.PathTypePrefix
	specific = networkingv1.PathTypeImplementationSpecific
)

type change func(*networkingv1.Ingress)

// made is an Ingress of namespace shop; later ones of a test are younger.
func made(name string, changes ...change) *networkingv1.Ingress {
	ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID(name), Annotations: map[string]string{},
	}}
	for _, change := range changes {
		change(ingress)
	}
	return ingress
}

func rule(host, path string, kind networkingv1.PathType, service string) change {
	return func(ingress *networkingv1.Ingress) {
		ingress.Spec.Rules = append(ingress.Spec.Rules, networkingv1.IngressRule{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{
			HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
				Path: path, PathType: &kind, Backend: *toService(service),
			}}},
		}})
	}
}

func toService(name string) *networkingv1.IngressBackend {
	return &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
		Name: name, Port: networkingv1.ServiceBackendPort{Name: "http"},
	}}
}

func fallback(service string) change {
	return func(ingress *networkingv1.Ingress) { ingress.Spec.DefaultBackend = toService(service) }
}

func annotated(name, value string) change {
	return func(ingress *networkingv1.Ingress) { ingress.Annotations[annotationPrefix+name] = value }
}

func aged(seconds int64) change {
	return func(ingress *networkingv1.Ingress) { ingress.CreationTimestamp = metav1.Unix(seconds, 0) }
}

func TestRouting(t *testing.T) {
	ingresses := []*networkingv1.Ingress{
		made("exact", rule("a.example", "/login", exact, "exact")),
		made("prefixes",
			rule("a.example", "/", prefix, "root"),
			rule("a.example", "/api", prefix, "api"),
			rule("a.example", "/api/v1/", prefix, "v1"),
			rule("a.example", "/login", prefix, "login"),
			rule("a.example", "/static", specific, "static")),
		made("wildcard", rule("*.example", "/", prefix, "wild")),
		made("any", rule("", "/any", prefix, "any")),
		made("default", fallback("default")),
		made("own default", rule("b.example", "/only", prefix, "only"), fallback("fallback")),
		made("bare", rule("c.test", "/only", prefix, "only")),
		made("regex", rule("r.example", "/v[0-9]+/(.*)", specific, "regex"), rule("r.example", "/plain", prefix, "plain"), annotated("use-regex", "true")),
	}
	tests := []struct{ host, path, want string }{
		{"a.example", "/", "root"},
		{"a.example", "/other", "root"},
		{"a.example", "/api", "api"},
		{"a.example", "/api/", "api"},
		{"a.example", "/api/x", "api"},
		{"a.example", "/apix", "root"},
		{"a.example", "/api/v1", "v1"},
		{"a.example", "/api/v1/x", "v1"},
		{"a.example", "/api/v10", "api"},
		{"a.example", "/login", "exact"},
		{"a.example", "/login/", "login"},
		{"a.example", "/staticfiles", "static"},
		{"a.example", "/api/../login", "exact"},
		{"a.example", "//api//x", "api"},
		{"x.example", "/", "wild"},
		{"x.y.example", "/any", "any"}, // a wildcard stands for one label
		{"example", "/any", "any"},
		{"unknown.test", "/any/thing", "any"},
		{"unknown.test", "/", "default"},
		{"b.example", "/only/x", "only"},
		{"b.example", "/x", "fallback"},
		{"c.test", "/x", ""}, // a host that is known does not fall to the default
		{"r.example", "/v12/x", "regex"},
		{"r.example", "/V12/x", "regex"},
		{"r.example", "/vx/x", ""},
		{"r.example", "/plain/x", "plain"},
		{"r.example", "/plainer", ""},
	}
	routes, problems := buildTable(ingresses)
	if len(problems) != 0 {
		t.Errorf("problems %v, want none", problems)
	}
	for _, test := range tests {
		got := ""
		if found := routes.match(test.host, test.path); found != nil {
			got = found.backend.service.Name
		}
		if got != test.want {
			t.Errorf("%s%s goes to %q, want %q", test.host, test.path, got, test.want)
		}
	}
}

func TestRewrite(t *testing.T) {
	tests := map[string]struct{ path, target, request, want string }{
		"whole path":    {"/app", "/", "/app/x", "/"},
		"group":         {"/app(/|$)(.*)", "/$2", "/app/x/y", "/x/y"},
		"empty group":   {"/app(/|$)(.*)", "/$2", "/app", "/"},
		"group, letter": {"/(a)", "/$1b", "/a", "/ab"},
		"dollar":        {"/(a)", "/$x$", "/a", "/$x$"},
		"same":          {"/app", "/app", "/app/x", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			routes, problems := buildTable([]*networkingv1.Ingress{
				made("it", rule("", test.path, specific, "web"), annotated("rewrite-target", test.target)),
			})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			found := routes.match("", test.request)
			if found == nil {
				t.Fatal("no location")
			}
			if got, _ := found.rewritten(test.request); got != test.want {
				t.Errorf("%s becomes %q, want %q", test.request, got, test.want)
			}
		})
	}
}

func TestProblemsAreNamed(t *testing.T) {
	stable := made("stable", aged(1), rule("", "/", prefix, "web"))
	tests := map[string]struct {
		ingress *networkingv1.Ingress
		want    string
	}{
		"path taken":         {made("it", aged(2), rule("", "/", prefix, "other")), "belongs to Ingress shop/stable"},
		"unknown annotation": {made("it", annotated("auth-url", "x")), "auth-url is not supported"},
		"bad value":          {made("it", annotated("proxy-body-size", "huge")), "want a size such as"},
		"bad weight":         {made("it", annotated("canary-weight", "-1")), "at least 0"},
		"bad pattern":        {made("it", annotated("canary-by-header-pattern", "(")), "missing closing"},
		"lonely canary":      {made("it", rule("", "/x", prefix, "c"), annotated("canary", "true")), "no other Ingress has path /x"},
		"canary of itself":   {made("it", rule("", "/", prefix, "web"), annotated("canary", "true")), "same Service"},
		"bad expression":     {made("it", rule("", "/(", specific, "x"), annotated("use-regex", "true")), "no regular expression"},
		"other protocol":     {made("it", annotated("backend-protocol", "GRPC")), "only HTTP"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, problems := buildTable([]*networkingv1.Ingress{test.ingress, stable})
			got := problems[keyOf(test.ingress)]
			if !slices.ContainsFunc(got, func(problem string) bool { return strings.Contains(problem, test.want) }) {
				t.Errorf("problems %q, want one that says %q", got, test.want)
			}
		})
	}
}

func TestReadAnnotations(t *testing.T) {
	read, problems := readAnnotations(map[string]string{
		annotationPrefix + "proxy-read-timeout":        "7",
		annotationPrefix + "proxy-body-size":           "2k",
		annotationPrefix + "proxy-next-upstream-tries": "0",
		annotationPrefix + "ssl-redirect":              "true",
		annotationPrefix + "canary":                    "true",
		annotationPrefix + "canary-weight-total":       "50",
		"other.example/annotation":                     "x",
	})
	if len(problems) != 0 {
		t.Errorf("problems %q", problems)
	}
	if read.readTimeout != 7*time.Second || read.bodyLimit != 2048 || read.tries != 0 {
		t.Errorf("read %+v", read)
	}
	if read.canary == nil || read.canary.weightTotal != 100 {
		t.Errorf("canary %+v, want a total of 100: a lower one is not taken", read.canary)
	}
}

func FuzzTable(f *testing.F) {
	f.Add("/app(/|$)(.*)", "/$2", "a.example", "/app/x", "8m")
	f.Add("/", "", "*.example", "//..", "0")
	f.Add("/(", "$", "", "/", "K")
	f.Fuzz(func(t *testing.T, pathSpec, target, host, request, size string) {
		for _, kind := range []networkingv1.PathType{exact, prefix, specific} {
			routes, _ := buildTable([]*networkingv1.Ingress{
				made("a", rule(host, pathSpec, kind, "web"), annotated("rewrite-target", target),
					annotated("proxy-body-size", size), annotated("canary-by-header-pattern", target)),
				made("b", rule(host, pathSpec, kind, "canary"), annotated("canary", "true"), annotated("canary-weight", size)),
			})
			if found := routes.match(strings.ToLower(host), request); found != nil {
				if found.bodyLimit < 0 {
					t.Errorf("body limit %d from %q", found.bodyLimit, size)
				}
				found.rewritten(request)
			}
		}
	})
}
