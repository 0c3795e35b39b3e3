package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pocctl/pocctl/internal/about"
	service "github.com/pocctl/pocctl/internal/app"
	"github.com/pocctl/pocctl/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files")

// typed runs a command line the way main does.
func typed(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, progress bytes.Buffer
	err := Execute(t.Context(), Options{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &progress,
		Build: about.Build{Version: "v1.2.3", Commit: "abc1234", Date: "2026-01-02T03:04:05Z", Kubernetes: "v1.37.2"},
	}, args)
	return out.String(), progress.String(), fault.ExitCode(err)
}

// alone keeps the settings and state of whoever runs the test out of it.
func alone(t *testing.T) {
	t.Helper()
	t.Setenv("POCCTL_CONFIG", filepath.Join(t.TempDir(), "none.yaml"))
	t.Setenv("XDG_STATE_HOME", t.TempDir())
}

func TestErrors(t *testing.T) {
	alone(t)
	for _, test := range []struct {
		line string
		code int
		want string
	}{
		{"verison", 2, "✗ there is no command \"verison\"; did you mean \"version\"?\n  fix   see `pocctl --help`\n  code  usage\n"},
		{"bananas", 2, "✗ there is no command \"bananas\"\n  fix   see `pocctl --help`\n  code  usage\n"},
		{"version --outptu json", 2, "✗ there is no flag --outptu; did you mean --output?\n  fix   see `pocctl version --help`\n  code  usage\n"},
		{"version -q", 2, "✗ there is no flag -q\n  fix   see `pocctl version --help`\n  code  usage\n"},
		{"version -o xml", 2, "it takes text or json"},
		{"version now", 2, "pocctl version takes no argument, but was given \"now\""},
		{"probe", 2, "pocctl probe takes one argument, URL, but was given 0"},
		{"doctor --env prud", 2, "✗ there is no environment named prud\n  fix   use one of local, prod, staging"},
		{"doctor --source /nowhere", 2, "✗ read /nowhere/config: no such file or directory"},
		{"plan --drift", 2, "environment local is not made by Terraform"},
		{"plan --markdown", 2, "environment local is not made by Terraform"},
		{"plan --env staging --markdown --drift", 2, "markdown"},
		{"down --env prod", 2, "✗ environment prod is protected\n  fix   give --force as well"},
		{"down --env staging", 2, "environment staging was not taken down: its name was not typed\n  fix   type staging when asked; where nobody can be asked, give --yes"},
		{"down --env staging --keep-data", 2, "--keep-data is for environments on this machine"},
		{"serve", 2, "✗ --database-url: is needed\n  fix   see `pocctl serve --help`\n  code  usage\n"},
		{"serve --database-url postgres://127.0.0.1/x --cache-ttl 0s", 2, "--cache-ttl: must be at least 1ms"},
		{"seed --database-url postgres://127.0.0.1/x --count -1", 2, "--count: must be from 0 to"},
		{"migrate --database-wait soon", 2, "it takes a duration"},
	} {
		stdout, stderr, code := typed(t, strings.Fields(test.line)...)
		if code != test.code || !strings.Contains(stderr, test.want) || stdout != "" {
			t.Errorf("%s: exit %d, want %d\nstdout %q\nstderr %q\nlacks  %q", test.line, code, test.code, stdout, stderr, test.want)
		}
	}
}

func TestErrorsAsJSON(t *testing.T) {
	alone(t)
	for _, line := range []string{
		"verison -o json", "version --bogus -ojson", "version now --output=json", "doctor --env prud --output json",
	} {
		stdout, stderr, code := typed(t, strings.Fields(line)...)
		var document struct {
			Schema string
			Error  struct{ Code, Message, Fix string }
		}
		decoder := json.NewDecoder(strings.NewReader(stdout))
		if err := decoder.Decode(&document); err != nil {
			t.Errorf("%s: %v in %q", line, err, stdout)
		}
		if _, err := decoder.Token(); err != io.EOF {
			t.Errorf("%s: more than one document in %q", line, stdout)
		}
		if code != 2 || stderr != "" || document.Error.Code == "" || document.Error.Message == "" || document.Error.Fix == "" {
			t.Errorf("%s: exit %d, stderr %q, document %+v", line, code, stderr, document)
		}
	}
}

func TestVersionDocument(t *testing.T) {
	alone(t)
	stdout, _, code := typed(t, "version", "-o", "json")
	var document map[string]any
	if err := json.Unmarshal([]byte(stdout), &document); err != nil || code != 0 {
		t.Fatalf("exit %d, %v: %q", code, err, stdout)
	}
	want := map[string]any{
		"schema": "pocctl.version/v1", "version": "v1.2.3", "commit": "abc1234", "date": "2026-01-02T03:04:05Z",
		"kubernetes": "v1.37.2", "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "error": nil,
	}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsReachCommands(t *testing.T) {
	alone(t)
	t.Setenv("POCCTL_OUTPUT", "json")
	stdout, _, _ := typed(t, "version")
	if !json.Valid([]byte(stdout)) {
		t.Errorf("POCCTL_OUTPUT=json gave %q", stdout)
	}
	if stdout, _, _ = typed(t, "version", "-o", "text"); json.Valid([]byte(stdout)) {
		t.Errorf("a typed flag does not win over its variable: %q", stdout)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("ouput: text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POCCTL_CONFIG", file)
	stdout, _, code := typed(t, "version")
	if code != 2 || !strings.Contains(stdout, `did you mean \"output\"?`) {
		t.Errorf("a bad settings file: exit %d, %q", code, stdout)
	}
}

func TestGolden(t *testing.T) {
	alone(t)
	for _, line := range []string{"", "version", "serve --help", "issuer --help", "token --help", "doctor --help", "verify --help"} {
		stdout, _, code := typed(t, strings.Fields(line)...)
		if code != 0 {
			t.Errorf("pocctl %s: exit %d", line, code)
		}
		// The build's platform and Go version are not this test's matter.
		got := stdout
		if line == "version" {
			got, _, _ = strings.Cut(stdout, "go ")
		}
		name := strings.ReplaceAll(strings.TrimSpace("pocctl "+strings.TrimSuffix(line, " --help")), " ", "-")
		golden(t, filepath.Join("testdata", name+".txt"), got)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	root := New(Options{})
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() {
		if command.Short == "" || !command.Hidden && command.GroupID == "" {
			t.Errorf("%s lacks its short description or group", command.Name())
		}
		if command.Name() != "completion" && command.Name() != "help" && !command.Hidden && command.Example == "" {
			t.Errorf("%s lacks an example", command.Name())
		}
		command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if flag.Usage == "" {
				t.Errorf("%s --%s lacks its description", command.Name(), flag.Name)
			}
		})
	}
}

func TestEveryServiceOptionHasItsFlag(t *testing.T) {
	a := &app{}
	flags := pflag.NewFlagSet("service", pflag.ContinueOnError)
	for _, command := range []*cobra.Command{a.serve(), a.migrate(), a.seed()} {
		flags.AddFlagSet(command.Flags())
	}
	flags.String("log-level", "", "global")
	options := reflect.TypeFor[service.Options]()
	for i := range options.NumField() {
		field := options.Field(i)
		switch field.Type {
		case reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[time.Duration]():
			if flags.Lookup(flagOf(field.Name)) == nil {
				t.Errorf("no flag --%s for %s", flagOf(field.Name), field.Name)
			}
		}
	}
}

func TestProbe(t *testing.T) {
	alone(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/well" {
			http.Error(w, "no", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	for path, want := range map[string]int{"/well": 0, "/ill": 1} {
		if _, stderr, code := typed(t, "probe", server.URL+path); code != want {
			t.Errorf("probe %s: exit %d, want %d; %s", path, code, want, stderr)
		}
	}
	server.Close()
	if _, _, code := typed(t, "probe", server.URL+"/well", "--timeout", "2s"); code != 1 {
		t.Errorf("probe of nothing: exit %d, want 1", code)
	}
}

func TestInterrupted(t *testing.T) {
	alone(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Execute(ctx, Options{Stdout: io.Discard, Stderr: io.Discard}, []string{"probe", "http://127.0.0.1:1/"})
	if fault.ExitCode(err) != fault.ExitInterrupted {
		t.Errorf("exit %d, want 130: %v", fault.ExitCode(err), err)
	}
}

func TestStateDirectory(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	t.Setenv("HOME", "/home/someone")
	for _, test := range []struct{ flag, xdg, want string }{
		{"", "/state", "/state/pocctl/local"},
		{"", "", "/home/someone/.local/state/pocctl/local"},
		{"/mine", "/state", "/mine/local"},
	} {
		t.Setenv("XDG_STATE_HOME", test.xdg)
		a := &app{global: globalFlags{stateDir: test.flag}}
		if got, err := a.stateDirectory("local"); err != nil || got != test.want {
			t.Errorf("%+v: got %q, %v", test, got, err)
		}
	}
}

// Kubernetes registers a --version of its own, which sets what it reports.
func TestVersionFlag(t *testing.T) {
	alone(t)
	t.Setenv("POCCTL_VERSION", "v9.9.9")
	if stdout, _, code := typed(t, "--version"); code != 0 || !strings.Contains(stdout, "v1.2.3") {
		t.Errorf("--version: exit %d, %q", code, stdout)
	}
	if stdout, _, code := typed(t, "version"); code != 0 || !strings.Contains(stdout, "v1.2.3") {
		t.Errorf("version: exit %d, %q", code, stdout)
	}
}

func TestCompletion(t *testing.T) {
	alone(t)
	for line, want := range map[string]string{
		"__complete doctor --env |":  "local",
		"__complete doctor -o |":     "json",
		"__complete ver|":            "version",
		"completion bash":            "__start_pocctl",
		"completion zsh":             "#compdef pocctl",
		"__complete version --log-|": "--log-level",
	} {
		args := strings.Fields(strings.TrimSuffix(line, "|"))
		if strings.HasSuffix(line, " |") {
			args = append(args, "")
		}
		if stdout, _, code := typed(t, args...); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d, lacks %q: %.200q", line, code, want, stdout)
		}
	}
}
