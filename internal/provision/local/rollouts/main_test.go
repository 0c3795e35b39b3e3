//go:build linux && !slim

package rollouts

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"an unknown flag", []string{"--no-such"}, "unknown flag: --no-such"},
		{"a word", []string{"serve"}, `"serve" is no flag`},
		{"no worker", []string{"--rollout-threads=0"}, "one at least"},
		{"a level that is none", []string{"--loglevel=loud"}, "--loglevel"},
		{"a format that is none", []string{"--logformat=xml"}, `"xml"; text or json`},
		{"no cluster", nil, "find the API server"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			var log bytes.Buffer
			err := Main(context.Background(), Options{Args: test.args, Log: &log})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestFlagsOfTheOfficialManifests(t *testing.T) {
	s, err := parse([]string{"--namespaced", "--leader-elect=false", "--metricsPort=9000", "--nginx-ingress-classes=a", "--nginx-ingress-classes=b"})
	if err != nil {
		t.Fatal(err)
	}
	if !s.namespaced || s.leaderElect || s.metricsPort != 9000 || s.healthPort != 8080 || len(s.nginxClasses) != 2 || s.albClasses[0] != "alb" {
		t.Errorf("%+v", s)
	}
}
