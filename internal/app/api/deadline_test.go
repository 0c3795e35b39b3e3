package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		defer cancel()
		in := func(parent context.Context, seconds int) *deadline {
			return withDeadline(parent, time.Now().Add(time.Duration(seconds)*time.Second))
		}

		unused := in(parent, 2)
		if at, has := unused.Deadline(); !has || time.Until(at) != 2*time.Second || unused.Err() != nil || unused.Value(key{}) != "value" {
			t.Errorf("at the beginning: %v, %v", at, unused.Err())
		}
		waited, derived := in(parent, 1), in(parent, 1)
		child, stop := context.WithTimeout(derived, time.Hour)
		defer stop()
		<-waited.Done()
		<-child.Done()
		for name, one := range map[string]context.Context{"waited for": waited, "derived from": derived, "its child": child} {
			if !errors.Is(one.Err(), context.DeadlineExceeded) || one.Value(key{}) != "value" {
				t.Errorf("one that is %s: %v", name, one.Err())
			}
		}
		if unused.Err() != nil {
			t.Errorf("a second too early: %v", unused.Err())
		}
		time.Sleep(time.Second)
		if !errors.Is(unused.Err(), context.DeadlineExceeded) {
			t.Errorf("nobody waited: %v", unused.Err())
		}

		released, late := in(parent, 1), in(parent, 1)
		done := released.Done()
		released.release()
		late.release()
		<-done
		<-late.Done()
		if !errors.Is(released.Err(), context.Canceled) || !errors.Is(late.Err(), context.Canceled) {
			t.Errorf("released: %v, %v", released.Err(), late.Err())
		}

		orphan, waiting := in(parent, 1), in(parent, 1)
		gone := waiting.Done()
		cancel()
		<-gone
		if !errors.Is(orphan.Err(), context.Canceled) || !errors.Is(waiting.Err(), context.Canceled) {
			t.Errorf("the client has gone: %v, %v", orphan.Err(), waiting.Err())
		}
		soon, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if at, _ := in(soon, 5).Deadline(); time.Until(at) != time.Second {
			t.Errorf("the earlier deadline is %v", at)
		}
	})
}
