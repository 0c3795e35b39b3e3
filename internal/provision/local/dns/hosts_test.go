package dns

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

// services is a cluster that the test changes.
type services struct {
	mu      sync.Mutex
	all     map[endpoints.Key]*endpoints.Service
	changed []func(endpoints.Key)
}

func (s *services) Get(key endpoints.Key) *endpoints.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[key]
}

func (s *services) List() []*endpoints.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*endpoints.Service
	for _, service := range s.all {
		all = append(all, service)
	}
	return all
}

func (s *services) OnChange(changed func(endpoints.Key)) {
	s.mu.Lock()
	s.changed = append(s.changed, changed)
	s.mu.Unlock()
	for _, service := range s.List() {
		changed(service.Key)
	}
}

func (s *services) remove(key endpoints.Key) {
	s.mu.Lock()
	delete(s.all, key)
	watchers := s.changed
	s.mu.Unlock()
	for _, changed := range watchers {
		changed(key)
	}
}

func read(t *testing.T, path string) (string, uint64) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content), info.Sys().(*syscall.Stat_t).Ino
}

func TestHostsFileContent(t *testing.T) {
	server := start(t, shop(), "")
	path, err := server.HostsFile("shop")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := read(t, path)
	want := `# Names of the cluster, as seen from namespace shop.
127.43.0.9 redis.bank redis.bank.svc redis.bank.svc.cluster.local
127.43.0.1 kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local
127.43.0.9 cache cache.shop cache.shop.svc cache.shop.svc.cluster.local
127.42.0.2 db db.shop db.shop.svc db.shop.svc.cluster.local
127.42.0.3 db db.shop db.shop.svc db.shop.svc.cluster.local
127.42.0.2 db-0.db db-0.db.shop db-0.db.shop.svc db-0.db.shop.svc.cluster.local
127.43.0.7 web web.shop web.shop.svc web.shop.svc.cluster.local
# Names of this machine.
127.0.0.1 localhost vm
10.0.0.1 printer
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hosts file (-want +got):\n%s", diff)
	}
}

func TestHostsFileIsRewrittenInPlace(t *testing.T) {
	cluster := shop()
	server := start(t, cluster, "")
	path, err := server.HostsFile("shop")
	if err != nil {
		t.Fatal(err)
	}
	before, inode := read(t, path)
	if !strings.Contains(before, "127.43.0.7 web web.shop") {
		t.Fatalf("no line for web in\n%s", before)
	}
	cluster.remove(key("shop", "web"))
	deadline := time.Now().Add(patience)
	for {
		after, now := read(t, path)
		if now != inode {
			t.Fatalf("inode %d became %d", inode, now)
		}
		if !strings.Contains(after, "web") && strings.HasSuffix(after, "printer\n") && !strings.HasSuffix(after, "\n\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for the line of web to go:\n%s", patience, after)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestHostsFileRefusesOtherThanNamespaces(t *testing.T) {
	server := start(t, shop(), "")
	for _, namespace := range []string{"", "../shop", "Shop", "a/b"} {
		if path, err := server.HostsFile(namespace); err == nil {
			t.Errorf("%q gives %s, want an error", namespace, path)
		}
	}
}
