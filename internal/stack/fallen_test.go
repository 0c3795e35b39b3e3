package stack

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

// frail is a platform that falls when it is told to.
type frail struct {
	platform
	fell atomic.Bool
}

func (f *frail) fallen() error {
	if f.fell.Load() {
		return fault.New(fault.ClusterGone, "env", "shop", "log", "supervisor.log")
	}
	return nil
}

func TestStepsEndWithThePlatform(t *testing.T) {
	own := errors.New("its own error")
	for _, test := range []struct {
		name string
		run  func(ctx context.Context, p *frail) error
		want func(error) bool
	}{
		{"falls while it works", func(ctx context.Context, p *frail) error {
			p.fell.Store(true)
			<-ctx.Done()
			return ctx.Err()
		}, func(err error) bool {
			var fallen *fault.Error
			return errors.As(err, &fallen) && fallen.Code == fault.ClusterGone
		}},
		{"stands, the step fails", func(context.Context, *frail) error { return own }, func(err error) bool { return errors.Is(err, own) }},
		{"falls after the step has done its work", func(ctx context.Context, p *frail) error {
			p.fell.Store(true)
			<-ctx.Done()
			return nil
		}, func(err error) bool { return err == nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &frail{}
			s := &Stack{platform: p}
			steps := s.whileItStands([]flow.Step{{Name: "deploy/shop", Run: func(ctx context.Context, _ *flow.Log) error {
				return test.run(ctx, p)
			}}})
			if err := steps[0].Run(t.Context(), nil); !test.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
