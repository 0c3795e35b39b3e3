//go:build linux

package proc

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	line := "42 (od) d) S 7 42 41 34816 42 4194304 1 2 3 4 100 50 20 10 20 0 1 0 123456 0 0"
	got, ok := parse(42, []byte(line))
	want := Process{PID: 42, Parent: 7, Session: 41, Started: 123456, CPU: 1800 * time.Millisecond}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("parse gave %v (-want +got):\n%s", ok, diff)
	}
	for _, broken := range []string{"", "42 (x", "42 (x) S 7"} {
		if _, ok := parse(42, []byte(broken)); ok {
			t.Errorf("parse took %q", broken)
		}
	}
}

func TestListHoldsThisProcess(t *testing.T) {
	processes, err := List()
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		if process.PID != os.Getpid() {
			continue
		}
		if process.Parent != os.Getppid() || process.Zombie {
			t.Errorf("List tells %+v", process)
		}
		return
	}
	t.Error("List leaves this process out")
}

func TestReadMemoryOfThisProcess(t *testing.T) {
	memory := ReadMemory(os.Getpid())
	if memory.Proportional == 0 || memory.Anonymous == 0 || memory.Anonymous > memory.Proportional {
		t.Errorf("ReadMemory gave %+v", memory)
	}
	if got := ReadMemory(-1); got != (Memory{}) {
		t.Errorf("ReadMemory of no process gave %+v", got)
	}
}
