//go:build linux && !slim

package node

import (
	"net"
	"testing"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
)

func TestListenIngress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := cluster.Cluster{Directory: t.TempDir(), Ingress: taken.Addr().String(), IngressWanted: taken.Addr().String()}

	first, err := listenIngress(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	if c.Ingress == c.IngressWanted || first.Addr().String() != c.Ingress {
		t.Errorf("it listens on %s, describes %s, and %s is taken", first.Addr(), c.Ingress, c.IngressWanted)
	}
	stored, err := cluster.Load(c.Directory)
	if err != nil || stored.Ingress != c.Ingress {
		t.Errorf("the description has %q: %v", stored.Ingress, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	again, err := listenIngress(t.Context(), &stored)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Addr().String() != c.Ingress {
		t.Errorf("it moved from %s to %s", c.Ingress, again.Addr())
	}
}
