package supervisor

import (
	"errors"
	"os"
	"testing"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
)

func TestHold(t *testing.T) {
	directory := t.TempDir()
	if pid, err := Holder(directory); pid != 0 || err != nil {
		t.Fatalf("holder of an empty directory: %d, %v", pid, err)
	}
	lock, err := hold(directory)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := Holder(directory); pid != os.Getpid() || err != nil {
		t.Errorf("holder: %d, %v; want %d", pid, err, os.Getpid())
	}
	if _, err := hold(directory); !errors.Is(err, ErrHeld) {
		t.Errorf("held twice: %v", err)
	}
	lock.Close()
	if pid, err := Holder(directory); pid != 0 || err != nil {
		t.Errorf("holder after the end: %d, %v", pid, err)
	}
}

func TestTakeSlot(t *testing.T) {
	first := cluster.Cluster{Directory: t.TempDir()}
	held, err := takeSlot(&first)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	second := cluster.Cluster{Directory: t.TempDir()}
	next, err := takeSlot(&second)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if second.Slot == first.Slot {
		t.Errorf("two clusters have slot %d", first.Slot)
	}

	// A cluster with data keeps its addresses, or does not start.
	owner := cluster.Cluster{Directory: t.TempDir(), Slot: first.Slot}
	if err := os.Mkdir(owner.EtcdData(), 0o700); err != nil {
		t.Fatal(err)
	}
	if taken, err := takeSlot(&owner); err == nil {
		taken.Close()
		t.Errorf("slot %d was given to two clusters", owner.Slot)
	}
}
