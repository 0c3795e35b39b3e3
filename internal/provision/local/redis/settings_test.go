//go:build linux

package redis

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	content := "# a comment\n\nport 7000\nsave 3600 1\nrequirepass \"secret\"\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want map[string][]string
		err  string
	}{
		{name: "none", want: map[string][]string{}},
		{name: "pairs", args: []string{"--port", "7001", "--save", "60", "1", "--appendonly", "yes"},
			want: map[string][]string{"port": {"7001"}, "save": {"60", "1"}, "appendonly": {"yes"}}},
		{name: "the last wins", args: []string{"--port", "1", "--PORT", "2"}, want: map[string][]string{"port": {"2"}}},
		{name: "an empty value", args: []string{"--save", ""}, want: map[string][]string{"save": {""}}},
		{name: "in one argument", args: []string{"--port 7002"}, want: map[string][]string{"port": {"7002"}}},
		{name: "a file, then arguments", args: []string{file, "--port", "7003"},
			want: map[string][]string{"port": {"7003"}, "save": {"3600", "1"}, "requirepass": {"secret"}}},
		{name: "no file", args: []string{"/nonexistent.conf"}, err: "/nonexistent.conf"},
		{name: "a stray value", args: []string{"-x"}, err: `"-x"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(test.args)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.values); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("--port 1 --save", "port 1\n")
	f.Add("-- --", "\"")
	f.Fuzz(func(t *testing.T, line, content string) {
		s, err := parse(strings.Split(line, " "))
		if err != nil {
			return
		}
		s.read([]byte(content))
		_, _ = s.port()
		_ = s.persistent()
		_ = s.ignored()
	})
}

func TestPersistent(t *testing.T) {
	tests := []struct {
		args []string
		want bool
	}{
		{nil, true},
		{[]string{"--appendonly", "yes"}, true},
		{[]string{"--save", "60", "1"}, true},
		{[]string{"--save", "", "--appendonly", "yes"}, true},
		{[]string{"--save", "", "--appendonly", "no"}, false},
		{[]string{"--save", ""}, false},
	}
	for _, test := range tests {
		s, err := parse(test.args)
		if err != nil || s.persistent() != test.want {
			t.Errorf("%q: persistent %v, %v", test.args, s.persistent(), err)
		}
	}
}
