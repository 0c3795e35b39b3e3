package harness

import (
	"context"
	"strings"
	"testing"
)

// For gives the same sandbox to a subtest, whose failures are then its own.
func (s *Sandbox) For(t *testing.T) *Sandbox {
	t.Helper()
	bound := *s
	bound.t = t
	return &bound
}

// Feed runs the distribution's kubectl to its end with a text for stdin.
func (s *Sandbox) Feed(stdin string, args ...string) Result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	command := s.Command(ctx, "kubectl", args...)
	command.Stdin = strings.NewReader(stdin)
	return s.finish(command)
}
