package pki

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
)

func options() Options {
	return Options{
		Name: "local", Server: "https://127.0.0.1:6443", NodeName: "pocctl",
		ServiceIP: netip.MustParseAddr("127.43.0.1"),
		Now:       time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func ensureIn(t *testing.T, dir string, o Options) Bundle {
	t.Helper()
	bundle, err := Ensure(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

// contents maps the files of a directory to what they hold.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(data)
	}
	return files
}

// changed lists the files that differ, without their extension.
func changed(before, after map[string]string) map[string]bool {
	names := map[string]bool{}
	for name, data := range after {
		if before[name] != data {
			names[strings.TrimSuffix(strings.TrimSuffix(name, ".kubeconfig"), filepath.Ext(name))] = true
		}
	}
	return names
}

func TestEnsureKeepsWhatIsGood(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	first := ensureIn(t, dir, options())
	before := contents(t, dir)
	second := ensureIn(t, dir, options())
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ensureIn(t, dir, options())
	if err := os.Chmod(filepath.Join(dir, "admin.kubeconfig"), 0o644); err != nil {
		t.Fatal(err)
	}
	ensureIn(t, dir, options())
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEnsureMendsWhatIsBroken(t *testing.T) {
	everything := func(o Options) map[string]bool {
		all := map[string]bool{"ca": true}
		for _, leaf := range leaves(&Bundle{}, o) {
			if !leaf.etcd {
				all[leaf.file] = true
			}
		}
		return all
	}
	// A new authority's certificate stands in every kubeconfig.
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
		adjust func(*Options)
		want   map[string]bool
	}{
		{name: "a truncated certificate", damage: truncate("scheduler.crt"), want: map[string]bool{"scheduler": true}},
		{name: "an empty key", damage: truncate("scheduler.key"), want: map[string]bool{"scheduler": true}},
		{name: "no kubeconfig", damage: remove("admin.kubeconfig"), want: map[string]bool{"admin": true}},
		{name: "a key of another", damage: swap("node.key", "admin.key"), want: map[string]bool{"node": true, "admin": true}},
		{name: "no public key", damage: remove("service-account.pub"), want: map[string]bool{"service-account": true}},
		{name: "no authority", damage: remove("ca.key"), want: everything(options())},
		{name: "no authority of etcd", damage: remove("etcd-ca.crt"), want: map[string]bool{"etcd-ca": true, "etcd": true, "etcd-client": true}},
		{
			name: "another address", adjust: func(o *Options) { o.ServiceIP = netip.MustParseAddr("127.45.0.1") },
			want: map[string]bool{"apiserver": true},
		},
		{
			name: "another port", adjust: func(o *Options) { o.Server = "https://127.0.0.1:7443" },
			want: map[string]bool{"admin": true, "controller-manager": true, "scheduler": true, "node": true, "node-services": true},
		},
		{
			name: "a leftover of a kill", damage: func(t *testing.T, dir string) {
				if err := os.WriteFile(filepath.Join(dir, "node.crt.new"), []byte("half"), 0o644); err != nil {
					t.Fatal(err)
				}
				truncate("node.crt")(t, dir)
			}, want: map[string]bool{"node": true},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, o := t.TempDir(), options()
			ensureIn(t, dir, o)
			if test.damage != nil {
				test.damage(t, dir)
			}
			before := contents(t, dir)
			if test.adjust != nil {
				test.adjust(&o)
			}
			bundle := ensureIn(t, dir, o)
			after := contents(t, dir)
			if diff := cmp.Diff(test.want, changed(before, after)); diff != "" {
				t.Error(diff)
			}
			handshake(t, bundle.ClusterAuthority, bundle.APIServer, bundle.Admin, o.ServiceIP.String(), o.Now)
			handshake(t, bundle.EtcdAuthority, bundle.Etcd, bundle.EtcdClient, "127.0.0.1", o.Now)
		})
	}
}

func truncate(file string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Truncate(filepath.Join(dir, file), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(file string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
}

func swap(one, other string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		data, err := os.ReadFile(filepath.Join(dir, one))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, other), data, 0o600); err != nil {
			t.Fatal(err)
		}
		truncate(one)(t, dir)
	}
}

func TestEnsureRenews(t *testing.T) {
	dir, o := t.TempDir(), options()
	ensureIn(t, dir, o)
	tests := []struct {
		name  string
		after time.Duration
		want  int // files that change
	}{
		{"while they last", leafLife - leafRenew - time.Hour, 0},
		{"before the leaves expire", leafLife - leafRenew + time.Hour, 10*2 + 5},
		{"before the authorities expire", authorityLife - authorityRenew + time.Hour, 12*2 + 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := contents(t, dir)
			later := o
			later.Now = o.Now.Add(test.after)
			bundle := ensureIn(t, dir, later)
			after := contents(t, dir)
			differ := 0
			for name := range after {
				if before[name] != after[name] {
					differ++
				}
			}
			if differ != test.want {
				t.Errorf("%d files changed, want %d", differ, test.want)
			}
			handshake(t, bundle.ClusterAuthority, bundle.Kubelet, bundle.KubeletClient, "localhost", later.Now)
		})
	}
}

func TestAClockSetBackIsNoDeadEnd(t *testing.T) {
	dir, o := t.TempDir(), options()
	ensureIn(t, dir, o)
	o.Now = o.Now.Add(-30 * 24 * time.Hour)
	bundle := ensureIn(t, dir, o)
	handshake(t, bundle.ClusterAuthority, bundle.APIServer, bundle.Node, "kubernetes.default.svc", o.Now)
}

func TestIdentities(t *testing.T) {
	bundle := ensureIn(t, t.TempDir(), options())
	tests := []struct {
		credential  Credential
		user, group string
	}{
		{bundle.Admin, "pocctl-admin", "system:masters"},
		{bundle.Node, "system:node:pocctl", "system:nodes"},
		{bundle.ControllerManager, "system:kube-controller-manager", ""},
		{bundle.Scheduler, "system:kube-scheduler", ""},
		{bundle.NodeServices, NodeServicesUser, ""},
	}
	for _, test := range tests {
		config, err := clientcmd.BuildConfigFromFlags("", test.credential.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(config.CertData, config.KeyData)
		if err != nil {
			t.Fatal(err)
		}
		subject := pair.Leaf.Subject
		if subject.CommonName != test.user || strings.Join(subject.Organization, ",") != test.group {
			t.Errorf("%v: got %v", test, subject)
		}
		if config.Host != "https://127.0.0.1:6443" {
			t.Errorf("server %q", config.Host)
		}
	}
	kubelet, _, err := readPair(bundle.KubeletClient)
	if err != nil || kubelet.Subject.CommonName != KubeletClientUser || len(kubelet.Subject.Organization) > 0 {
		t.Errorf("kubelet client %v, %v", kubelet.Subject, err)
	}
}

// The cluster's users must not get at etcd.
func TestEtcdTakesNoUserOfTheCluster(t *testing.T) {
	o := options()
	bundle := ensureIn(t, t.TempDir(), o)
	if err := connect(t, bundle.EtcdAuthority, bundle.Etcd, bundle.Admin, "127.0.0.1", o.Now); err == nil {
		t.Error("etcd takes the admin's certificate")
	}
}

func TestEnsureSaysWhatItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(filepath.Join(file, "pki"), options()); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}

func handshake(t *testing.T, authority, server, client Credential, host string, now time.Time) {
	t.Helper()
	if err := connect(t, authority, server, client, host, now); err != nil {
		t.Errorf("connect to %s: %v", host, err)
	}
}

// connect does a mutual TLS handshake and gives the first side's error.
func connect(t *testing.T, authority, server, client Credential, host string, now time.Time) error {
	t.Helper()
	pool := x509.NewCertPool()
	data, err := os.ReadFile(authority.Certificate)
	if err != nil || !pool.AppendCertsFromPEM(data) {
		t.Fatal(err)
	}
	load := func(c Credential) []tls.Certificate {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{pair}
	}
	clock := func() time.Time { return now }
	near, far := net.Pipe()
	defer near.Close()
	failed := make(chan error, 1)
	go func() {
		defer far.Close()
		failed <- tls.Server(far, &tls.Config{
			Certificates: load(server), ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, Time: clock,
		}).Handshake()
	}()
	connection := tls.Client(near, &tls.Config{Certificates: load(client), RootCAs: pool, ServerName: host, Time: clock})
	if err := connection.Handshake(); err != nil {
		return err
	}
	go func() { _, _ = connection.Read(make([]byte, 1)) }() // takes the server's alert
	return <-failed
}
