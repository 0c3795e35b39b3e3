package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestReadEnvironmentLocal(t *testing.T) {
	source, err := OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadEnvironment(source, "local")
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != KindLocal || got.Budget != time.Hour || got.Namespace != "pocctl" {
		t.Errorf("got kind %s, budget %s, namespace %s", got.Kind, got.Budget, got.Namespace)
	}
	if diff := cmp.Diff([]string{"postgres", "redis", "issuer", "backend", "prometheus", "blackbox", "alertmanager", "argo-rollouts"}, got.releaseNames()); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	if got.Auth.Issuer != "$(INGRESS_URL)/issuer" || got.Auth.Secret != "issuer-auth" || len(got.Auth.Clients) != len(Roles()) {
		t.Errorf("auth %+v", got.Auth)
	}
	if got.Load.Rate != 300 || got.Load.Duration < 10*time.Second || got.Load.Path != "/api/v1" {
		t.Errorf("load %+v", got.Load)
	}
}

func TestReadEnvironmentAWS(t *testing.T) {
	content := "kind: aws\naws: {account: \"123456789012\", region: eu-west-1, domain: a.example.com, variables: {nodes: {min: 2}}}\n"
	got, err := parseEnvironment("team.yaml", "/team", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	want := &AWS{
		Account: "123456789012", Region: "eu-west-1", Domain: "a.example.com", Root: "team",
		StateBucket: "pocctl-state-123456789012-eu-west-1", Variables: map[string]any{"nodes": map[string]any{"min": 2}},
	}
	if diff := cmp.Diff(want, got.AWS); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReadEnvironmentFromFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "team.yaml")
	content := `
kind: local
images:
  example.org/tiny: {program: ./bin/tiny, args: [serve], env: {PORT: "9000"}}
releases:
  - name: tiny
    chart: ./chart
    values: {nested: {count: 3, big: 12345678, on: true}}
`
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadEnvironment(Source{}, file)
	if err != nil {
		t.Fatal(err)
	}
	want := Environment{
		Name: "team", Kind: KindLocal, Budget: time.Hour, Namespace: "pocctl",
		Ingress: Ingress{Address: "127.0.0.1:8080"},
		Images: map[string]Image{"example.org/tiny": {
			Program: filepath.Join(folder, "bin/tiny"), Args: []string{"serve"}, Env: map[string]string{"PORT": "9000"},
		}},
		Releases: []Release{{
			Name: "tiny", Chart: filepath.Join(folder, "chart"), Namespace: "pocctl",
			Timeout: 5 * time.Minute, Budget: 5 * time.Minute,
			Values: map[string]any{"nested": map[string]any{"count": 3, "big": 12345678, "on": true}},
		}},
		Canary: Canary{Prometheus: "prometheus", Samples: 100, MemoryGrowth: 4},
		Alerts: Alerts{Inbox: "alerts", Alertmanager: "alertmanager"},
		Load:   Load{Rate: 300, Duration: 30 * time.Second},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestReadEnvironmentRefuses(t *testing.T) {
	const release = "kind: local\nreleases:\n  - {name: a, chart: a}\n"
	for _, test := range []struct{ name, content, message, fix string }{
		{"bad YAML", "kind: local\nreleases: [a\n", "near line 2: did not find expected ',' or ']'", "mend the YAML"},
		{"tab", "kind:\tlocal\n\tbudget: 1m\n", "near line 2: found a tab", "mend the YAML"},
		{"not a mapping", "- local\n", "line 1: the file is a list; keys and values is wanted", "indent"},
		{"two documents", "kind: local\n---\nkind: kind\n", "line 2: a second YAML document", "keep one"},
		{"unknown key", "kind: local\nnamespaces: x\n", "line 2: namespaces is not a known key", `did you mean "namespace"?`},
		{"unknown nested key", "kind: local\nload:\n  raet: 3\n", "line 3: load.raet is not a known key", `did you mean "rate"?`},
		{"unknown far key", "kind: local\nbananas: 3\n", "line 2: bananas is not a known key", "the keys known here are kind, budget"},
		{"key twice", "kind: local\nkind: kind\n", "line 2: kind is given twice, first in line 1", "keep one"},
		{"text for a number", "kind: local\nload: {rate: fast}\n", `line 2: load.rate is "fast"; a whole number is wanted`, "for example 300"},
		{"number too large", "kind: local\nload: {rate: 99999999999999999999}\n", `load.rate is "99999999999999999999"; a whole number`, "digits"},
		{"number for text", "kind: local\nnamespace: 8080\n", `line 2: namespace is "8080"; text is wanted`, "quotes"},
		{"list for text", "kind: local\nnamespace: [a]\n", "namespace is a list; text is wanted", "quotes"},
		{"text for a list", release + "    dependsOn: a\n", "", ""},
		{"bad duration", "kind: local\nbudget: 60 minutes\n", `line 2: budget is "60 minutes"; a duration is wanted`, "for example 90s"},
		{"bare duration", "kind: local\nbudget: 60\n", `line 2: budget is "60"; a duration is wanted`, "for example 90s"},
		{"negative duration", "kind: local\nbudget: -1m\n", "line 2: budget is -1m; a duration is not negative", "90s"},
		{"no kind", "namespace: a\n", "kind is missing", "local, kind, aws"},
		{"wrong kind", "kind: lokal\n", `line 1: kind is "lokal", which is no kind`, `did you mean "local"?`},
		{"bad namespace", "kind: local\nnamespace: A_b\n", `line 2: namespace is "A_b"`, "lower-case"},
		{"public ingress", "kind: local\ningress: {address: \"0.0.0.0:80\"}\n", `ingress.address is "0.0.0.0:80"; a loopback`, "127.0.0.1:8080"},
		{"canary of no release", release + "canary: {release: b}\n", `line 4: canary.release is "b", which is no release here`, "name one of a"},
		{"canary without figures", release + "canary: {release: a}\n", `canary.prometheus names the endpoint "prometheus", which is not there`, "add endpoints: {prometheus: URL}"},
		{"canary without samples", release + "endpoints: {prometheus: http://a}\ncanary: {release: a, samples: 0}\n", "line 5: canary.samples is 0", "for example 100"},
		{"canary with a bad growth", release + "endpoints: {prometheus: http://a}\ncanary: {release: a, memoryGrowth: -1}\n", "line 5: canary.memoryGrowth is -1", "or 0 to leave memory alone"},
		{"canary with a bad rate", release + "endpoints: {prometheus: http://a}\ncanary: {release: a, rate: -1}\n", "line 5: canary.rate is -1", "or 0 for none"},
		{"drills without an inbox", "kind: local\nalerts: {drill: true}\n", `alerts.inbox names the endpoint "alerts", which is not there`, "add endpoints: {alerts: URL}"},
		{"absent without a way out", "kind: local\nabsent: {grafana: ' '}\n", "line 2: absent.grafana is empty", "write what to do instead"},
		{"endpoint that is there", "kind: local\nendpoints: {app: http://a}\n", "line 2: endpoints.app cannot name an endpoint", "are there already"},
		{"endpoint that is none", "kind: local\nendpoints: {metrics: here}\n", `line 2: endpoints.metrics is "here", which is no URL`, "$(INGRESS_URL)/prometheus"},
		{"endpoint in no service", "kind: local\nendpoints: {metrics: $(CLUSTER_URL)/monitoring}\n", `endpoints.metrics is "$(CLUSTER_URL)/monitoring"`, "/NAMESPACE/SERVICE:PORT"},
		{"no account", "kind: aws\n", "aws is missing", "account:"},
		{"account elsewhere", "kind: local\naws: {account: \"123456789012\"}\n", "line 2: aws is for kind aws", "remove it"},
		{"bad account", "kind: aws\naws: {account: \"1234\", region: eu-west-1}\n", `line 2: aws.account is "1234"`, "twelve digits"},
		{"account as a number", "kind: aws\naws: {account: 123456789012}\n", `line 2: aws.account is "123456789012"; text is wanted`, "quotes"},
		{"bad region", "kind: aws\naws:\n  account: \"123456789012\"\n  region: Ireland\n", `line 4: aws.region is "Ireland"`, "eu-west-1"},
		{"bad domain", "kind: aws\naws: {account: \"123456789012\", region: eu-west-1, domain: \"https://a.b\"}\n", "line 2: aws.domain is", "staging.example.com"},
		{"bad bucket", "kind: aws\naws: {account: \"123456789012\", region: eu-west-1, domain: a.example.com, stateBucket: A_B}\n", `aws.stateBucket is "A_B"`, "lower-case"},
		{"bad root", "kind: aws\naws: {account: \"123456789012\", region: eu-west-1, domain: a.example.com, root: ../x}\n", `aws.root is "../x"`, "modules/roots"},
		{"variable that follows", "kind: aws\naws: {account: \"123456789012\", region: eu-west-1, domain: a.example.com, variables: {region: us-east-1}}\n", "aws.variables.region cannot be given", "another key"},
		{"image elsewhere", "kind: kind\nimages: {a: {program: /b}}\n", "line 2: images is for kind local", "remove it"},
		{"image without program", "kind: local\nimages: {a: {args: [b]}}\n", "line 2: images.a.program is missing", "path of a program"},
		{"no release name", "kind: local\nreleases:\n  - chart: a\n", "line 3: releases[0].name is missing", "name"},
		{"bad release name", "kind: local\nreleases:\n  - {name: A, chart: a}\n", `releases[0].name is "A"`, "lower-case"},
		{"no chart", "kind: local\nreleases:\n  - name: a\n", "releases[0].chart is missing", "chart's path"},
		{"release twice", release + "  - {name: a, chart: b}\n", `line 4: releases[1].name is "a", as is releases[0]`, "of its own"},
		{"version of a built-in chart", "kind: local\nreleases:\n  - {name: a, chart: a, version: 1.2.3}\n", "releases[0].version is for charts of a repository", "name a repository"},
		{"digest of a built-in chart", "kind: local\nreleases:\n  - {name: a, chart: a, digest: sha256:0}\n", "releases[0].digest is for charts of a repository", "name a repository"},
		{"repository that is none", "kind: local\nreleases:\n  - {name: a, chart: a, version: 1.2.3, repository: charts}\n", `releases[0].repository is "charts"`, "https://charts.example.com"},
		{"path in a repository", "kind: local\nreleases:\n  - {name: a, chart: ./a, version: 1.2.3, repository: \"https://a.example.com\"}\n", `releases[0].chart is "./a"`, "the chart alone"},
		{"chart of any version", "kind: local\nreleases:\n  - {name: a, chart: a, repository: \"https://a.example.com\"}\n", `releases[0].version is ""`, "exact version"},
		{"range of versions", "kind: local\nreleases:\n  - {name: a, chart: a, version: ^1.2.3, repository: \"https://a.example.com\"}\n", `releases[0].version is "^1.2.3"`, "exact version"},
		{"bad digest", "kind: local\nreleases:\n  - {name: a, chart: a, version: 1.2.3, repository: \"oci://a.example.com/b\", digest: abc}\n", `releases[0].digest is "abc"`, "64 hex digits"},
		{"outputs of nothing", "kind: local\nreleases:\n  - {name: a, chart: a, values: {b: [{c: $(outputs.vpc_id)}]}}\n", "releases[0].values names $(outputs.vpc_id)", "kind: aws"},
		{"unknown dependency", release + "  - {name: bee, chart: b, dependsOn: [aa]}\n", `line 4: releases[1].dependsOn[0] is "aa"`, `did you mean "a"?`},
		{"circle", "kind: local\nreleases:\n  - {name: a, chart: a, dependsOn: [b]}\n  - {name: b, chart: b, dependsOn: [a]}\n", "goes round in a circle: a -> b -> a", "take one"},
		{"depends on itself", "kind: local\nreleases:\n  - {name: a, chart: a, dependsOn: [a]}\n", "circle: a -> a", "take one"},
		{"number as a values key", "kind: local\nreleases:\n  - {name: a, chart: a, values: {b: {1: c}}}\n", "releases[0].values has a key that is not text under releases[0].values.b", "quotes"},
		{"unknown smoke release", release + "smoke: {release: b, path: /}\n", `line 4: smoke.release is "b"`, "did you mean"},
		{"bad smoke path", release + "smoke: {release: a, path: api}\n", `smoke.path is "api"; it has to begin with /`, "/api/v1"},
		{"no rate", "kind: local\nload: {rate: 0}\n", "line 2: load.rate is 0", "300"},
		{"no duration", "kind: local\nload: {duration: 0s}\n", "line 2: load.duration is 0", "30s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseEnvironment("team.yaml", "/team", []byte(test.content))
			refused(t, err, fault.ConfigInvalid, test.message, test.fix)
		})
	}
}

func TestReadEnvironmentNotThere(t *testing.T) {
	builtIn, err := OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		code    fault.Code
		message string
		fix     string
	}{
		{"loacl", fault.EnvironmentUnknown, "no environment named loacl", "local"},
		{"", fault.EnvironmentUnknown, "no environment named", "local"},
		{"..", fault.EnvironmentUnknown, "no environment named ..", "local"},
		{"./missing.yaml", fault.ConfigUnreadable, "read ./missing.yaml: no such file", "check that the file exists"},
		{"missing.yml", fault.ConfigUnreadable, "read missing.yml: no such file", "check that the file exists"},
	} {
		_, err := ReadEnvironment(builtIn, test.name)
		refused(t, err, test.code, test.message, test.fix)
	}
	_, err = OpenSource("/nowhere")
	refused(t, err, fault.ConfigUnreadable, "read /nowhere/config: no such file", "check")
}

func TestOpenSourceOnDisk(t *testing.T) {
	source, err := OpenSource("../..")
	if err != nil {
		t.Fatal(err)
	}
	builtIn, err := OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(builtIn.Environments(), source.Environments()); diff != "" {
		t.Errorf("environments on disk differ from those built in:\n%s", diff)
	}
	for _, name := range source.Environments() {
		if _, err := ReadEnvironment(source, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// refused checks code and exit of err, and that message and fix hold the words.
func refused(t *testing.T, err error, code fault.Code, message, fix string) {
	t.Helper()
	var known *fault.Error
	if !errors.As(err, &known) {
		t.Fatalf("got error %v, want %s", err, code)
	}
	if known.Code != code || fault.ExitCode(err) != fault.ExitUsage {
		t.Errorf("got %s, exit %d, want %s, exit 2", known.Code, fault.ExitCode(err), code)
	}
	if !strings.Contains(err.Error(), message) {
		t.Errorf("message %q\nlacks   %q", err.Error(), message)
	}
	if !strings.Contains(known.Fix, fix) {
		t.Errorf("fix   %q\nlacks %q", known.Fix, fix)
	}
}

func FuzzParseEnvironment(f *testing.F) {
	content, err := os.ReadFile("../../config/environments/local.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte("kind: local\nreleases: &a [*a]"))
	f.Add([]byte("kind: local\nreleases: [{name: a, chart: a, values: &v {b: *v}}]"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("<<: {kind: local}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		environment, err := parseEnvironment("fuzz.yaml", "/fuzz", data)
		var known *fault.Error
		if err != nil && (!errors.As(err, &known) || known.Code != fault.ConfigInvalid || known.Fix == "") {
			t.Fatalf("an error without its fix: %#v", err)
		}
		if err == nil && (environment.Kind == "" || environment.Budget < 0 || environment.Load.Rate < 1) {
			t.Fatalf("accepted %+v", environment)
		}
	})
}

// TestProdIsStagingWithOtherValues holds the two to the same releases of the same charts.
func TestProdIsStagingWithOtherValues(t *testing.T) {
	source, err := OpenSource("")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []Release {
		environment, err := ReadEnvironment(source, name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range environment.Releases {
			environment.Releases[i].Values = nil
		}
		return environment.Releases
	}
	if diff := cmp.Diff(read("staging"), read("prod")); diff != "" {
		t.Errorf("-staging +prod\n%s", diff)
	}
}

func TestReleaseOutputs(t *testing.T) {
	release := Release{Values: map[string]any{
		"a": "$(outputs.b.c) and $(outputs.a)", "d": []any{map[string]any{"e": "$(outputs.a)"}, 1, "$(INGRESS_URL) $(output.x)"},
	}}
	if diff := cmp.Diff([]string{"a", "b.c"}, release.Outputs()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
