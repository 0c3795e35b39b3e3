//go:build linux

package runtime

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/image"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

func TestSubstitute(t *testing.T) {
	mounts := []shim.Mount{
		{Source: "/host/data", Target: "/data"},
		{Source: "/host/deep", Target: "/data/deep"},
		{Source: "/host/etc", Target: "/etc/app"},
	}
	for text, want := range map[string]string{
		"":                          "",
		"/data":                     "/host/data",
		"/data/":                    "/host/data/",
		"/data/x":                   "/host/data/x",
		"/data/deep/x":              "/host/deep/x",
		"/data/deeper":              "/host/data/deeper",
		"/database":                 "/database",
		"/data.old":                 "/data.old",
		"/other/data":               "/other/data",
		"data/":                     "data/",
		"--config=/etc/app/a.yaml":  "--config=/host/etc/a.yaml",
		"cat /data/a /etc/app/b":    "cat /host/data/a /host/etc/b",
		`"/data"`:                   `"/host/data"`,
		"/data:/etc/app":            "/host/data:/host/etc",
		"file:///data/migrations":   "file:///host/data/migrations",
		"http://host/data":          "http://host/data",
		"postgres://h:5432/data":    "postgres://h:5432/data",
		"cd /data; rm -r /data/x/*": "cd /host/data; rm -r /host/data/x/*",
	} {
		if got := substitute(text, mounts); got != want {
			t.Errorf("substitute(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzSubstitute(f *testing.F) {
	f.Add("--config=/data/x")
	f.Add("/data/data")
	mounts := []shim.Mount{{Source: "/data", Target: "/data"}}
	f.Fuzz(func(t *testing.T, text string) {
		if got := substitute(text, mounts); got != text {
			t.Errorf("a mount at its own path changed %q to %q", text, got)
		}
	})
}

func TestEntrypoint(t *testing.T) {
	pocctl := image.Image{Name: "ghcr.io/pocctl/pocctl", Program: "/opt/bin/pocctl-1.2", Path: "/pocctl"}
	postgres := image.Image{Name: "postgres", Program: "/opt/bin/pocctl-1.2", Args: []string{"image", "postgres"}, Path: "/postgres"}
	tools := image.Image{Name: "busybox", Path: "/busybox"}
	for name, test := range map[string]struct {
		image         image.Image
		command, args string
		program, want string
	}{
		"image":                  {pocctl, "", "", "/opt/bin/pocctl-1.2", "/pocctl"},
		"image with args":        {pocctl, "", "serve -v", "/opt/bin/pocctl-1.2", "/pocctl serve -v"},
		"image's args stay":      {postgres, "", "-c x", "/opt/bin/pocctl-1.2", "/postgres image postgres -c x"},
		"entrypoint's path":      {pocctl, "/pocctl", "serve", "/opt/bin/pocctl-1.2", "/pocctl serve"},
		"entrypoint's name":      {pocctl, "pocctl serve", "", "/opt/bin/pocctl-1.2", "pocctl serve"},
		"entrypoint elsewhere":   {postgres, "/usr/bin/postgres", "-c x", "/opt/bin/pocctl-1.2", "/usr/bin/postgres image postgres -c x"},
		"program's name":         {postgres, "pocctl-1.2 version", "", "/opt/bin/pocctl-1.2", "pocctl-1.2 version"},
		"other command":          {pocctl, "sh -c", "true", "", "sh -c true"},
		"relative path":          {pocctl, "./pocctl", "", "", "./pocctl"},
		"tools with command":     {tools, "sleep", "1", "", "sleep 1"},
		"tools with args alone":  {tools, "", "sleep 1", "", "sleep 1"},
		"tools with nothing":     {tools, "", "", "", "sh"},
		"tools called by itself": {tools, "busybox", "ls", "", "busybox ls"},
	} {
		t.Run(name, func(t *testing.T) {
			line, err := entrypoint(test.image, strings.Fields(test.command), strings.Fields(test.args))
			if err != nil {
				t.Fatal(err)
			}
			if line.program != test.program || strings.Join(line.args, " ") != test.want {
				t.Errorf("got %q %q", line.program, line.args)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	a, err := newAddresses(netip.MustParsePrefix("127.42.0.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.take()
	if err != nil {
		t.Fatal(err)
	}
	a.release(first)
	seen := map[netip.Addr]bool{first: true}
	for range 252 {
		address, err := a.take()
		if err != nil {
			t.Fatal(err)
		}
		if last := address.As4()[3]; last < 2 || last == 255 {
			t.Errorf("%s was given out", address)
		}
		if seen[address] {
			t.Fatalf("%s was used again too early", address)
		}
		seen[address] = true
	}
	if again, err := a.take(); err != nil || again != first {
		t.Errorf("after all others came %s, %v, want %s", again, err, first)
	}
	if _, err := a.take(); err == nil {
		t.Error("more addresses than there are")
	}
	for _, bad := range []string{"127.42.0.0/25", "fd00::/64"} {
		if _, err := newAddresses(netip.MustParsePrefix(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestStopSignal(t *testing.T) {
	got := map[string]int{}
	for _, signal := range []runtimeapi.Signal{
		runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT, runtimeapi.Signal_SIGNAL_SIGTERM, runtimeapi.Signal_SIGNAL_SIGINT,
		runtimeapi.Signal_SIGNAL_SIGRTMIN, runtimeapi.Signal_SIGNAL_SIGRTMINPLUS3, runtimeapi.Signal_SIGNAL_SIGRTMAXMINUS1,
	} {
		got[signal.String()] = int(stopSignal(signal, 0))
	}
	want := map[string]int{
		"SIGNAL_RUNTIME_DEFAULT": 15, "SIGNAL_SIGTERM": 15, "SIGNAL_SIGINT": 2,
		"SIGNAL_SIGRTMIN": 34, "SIGNAL_SIGRTMINPLUS3": 37, "SIGNAL_SIGRTMAXMINUS1": 63,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
