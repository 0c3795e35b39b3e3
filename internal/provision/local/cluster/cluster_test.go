package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddressesOfSlots(t *testing.T) {
	tests := []struct {
		slot                             int
		pods, services, api, dns, kubeIP string
	}{
		{0, "127.42.0.0/16", "127.43.0.0/16", "127.42.0.1:6443", "127.43.0.10:5353", "127.43.0.1"},
		{1, "127.44.0.0/16", "127.45.0.0/16", "127.44.0.1:6443", "127.45.0.10:5353", "127.45.0.1"},
		{Slots - 1, "127.72.0.0/16", "127.73.0.0/16", "127.72.0.1:6443", "127.73.0.10:5353", "127.73.0.1"},
	}
	for _, test := range tests {
		c := Cluster{Slot: test.slot}
		got := []string{c.PodRange().String(), c.ServiceRange().String(), c.APIServer().String(), c.DNS().String(), c.ServiceIP().String()}
		want := []string{test.pods, test.services, test.api, test.dns, test.kubeIP}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("slot %d: -want +got\n%s", test.slot, diff)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	directory := t.TempDir()
	if _, err := Load(directory); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("load of nothing: %v", err)
	}
	want := Cluster{
		Name: "local", Binary: "/usr/bin/pocctl", Build: "1", Slot: 2, Ingress: "127.0.0.1:8081", IngressWanted: "127.0.0.1:8080",
		Images:    map[string]Image{"greeter": {Program: "/bin/greeter", Args: []string{"-v"}}},
		Directory: directory,
	}
	if err := want.Save(); err != nil {
		t.Fatal(err)
	}
	got, err := Load(directory)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-saved +loaded\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(directory, "cluster.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the description has mode %v, %v", info.Mode(), err)
	}
}

// TestEntries keeps `down` honest: every place that a cluster has must be in the
// list of what is removed.
func TestEntries(t *testing.T) {
	own := map[string]bool{}
	for _, name := range Entries() {
		own[name] = true
	}
	c := Cluster{Directory: "/state"}
	for _, path := range []string{
		c.Data(), c.Volumes(), c.Certificates(), c.Kubeconfig(), c.EtcdData(), c.NodeRoot(), c.PodLogs(), c.Hosts(), c.Log("node"),
	} {
		relative, err := filepath.Rel(c.Directory, path)
		if err != nil {
			t.Fatal(err)
		}
		first := relative
		for filepath.Dir(first) != "." {
			first = filepath.Dir(first)
		}
		if !own[first] {
			t.Errorf("down would leave %s behind", relative)
		}
	}
}

func TestStatus(t *testing.T) {
	directory := t.TempDir()
	want := Status{Phase: Running, PID: 7, Build: "1", Components: []ComponentStatus{{Name: "etcd", PID: 8, Ready: true, Restarts: 2, LastExit: "exit status 1"}}}
	if err := WriteStatus(directory, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadStatus(directory)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-written +read\n%s", diff)
	}
}
