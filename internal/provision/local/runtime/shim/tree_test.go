//go:build linux

package shim

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine makes a small tree: real/inner/, file, link -> real, loop -> loop,
// dangling -> real/missing.
func machine(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(root+"/real/inner", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"link": "real", "absolute": filepath.Join(root, "real"), "up": "real/inner/../..", "dangling": "real/missing", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestResolve(t *testing.T) {
	root := machine(t)
	for path, want := range map[string]string{
		"real/inner":      "real/inner",
		"link/inner":      "real/inner",
		"absolute/inner":  "real/inner",
		"link/missing/x":  "real/missing/x",
		"dangling/x":      "real/missing/x",
		"up/file":         "file",
		"missing/deep":    "missing/deep",
		"file":            "file",
		"real//inner/":    "real/inner",
		"real/./inner/..": "real",
	} {
		got, err := resolve(root + "/" + path)
		if err != nil || got != filepath.Join(root, want) {
			t.Errorf("resolve(%s) = %s, %v; want %s", path, got, err, want)
		}
	}
	for _, bad := range []string{root + "/loop/x", "relative"} {
		if got, err := resolve(bad); err == nil {
			t.Errorf("resolve(%s) = %s", bad, got)
		}
	}
}

func TestFits(t *testing.T) {
	root := machine(t)
	for name, test := range map[string]struct {
		mount Mount
		want  bool
	}{
		"directory on directory": {Mount{Source: "/", Target: "/real/inner"}, true},
		"directory on file":      {Mount{Source: "/", Target: "/file"}, false},
		"file on file":           {Mount{Source: "/dev/null", Target: "/file"}, true},
		"file on directory":      {Mount{Source: "/dev/null", Target: "/real"}, false},
		"missing":                {Mount{Source: "/", Target: "/real/other"}, false},
		"below a file":           {Mount{Source: "/", Target: "/file/x"}, false},
		"below what is missing":  {Mount{Source: "/", Target: "/other/x/y"}, false},
	} {
		tree := &node{}
		place := tree
		for _, part := range parts(test.mount.Target) {
			child := &node{}
			place.children = map[string]*node{part: child}
			place = child
		}
		place.mount = &test.mount
		if got := tree.fits(root); got != test.want {
			t.Errorf("%s: fits = %v", name, got)
		}
	}
}

func TestPlanRefusesTheRoot(t *testing.T) {
	for _, target := range []string{"/", "/usr/..", "not/absolute"} {
		if _, err := plan([]Mount{{Source: "/tmp", Target: target}}); err == nil {
			t.Errorf("a mount on %q was taken", target)
		}
	}
}

func TestPlanLetsTheLaterMountWin(t *testing.T) {
	tree, err := plan([]Mount{{Source: "/a", Target: "/nowhere/x"}, {Source: "/b", Target: "/nowhere/./x"}}, "/nowhere/x/y")
	if err != nil {
		t.Fatal(err)
	}
	place := tree.children["nowhere"].children["x"]
	if diff := cmp.Diff("/b", place.mount.Source); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if place.children["y"] == nil {
		t.Error("the directory below is missing")
	}
}

func TestLookUp(t *testing.T) {
	directory := t.TempDir()
	program := filepath.Join(directory, "program")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(directory, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"OTHER=1", "PATH=/nowhere:" + directory}
	for _, command := range []string{"program", program} {
		if got, err := lookUp(command, env); err != nil || got != program {
			t.Errorf("lookUp(%s) = %s, %v", command, got, err)
		}
	}
	for _, command := range []string{"folder", "missing", "/nowhere/program"} {
		if got, err := lookUp(command, env); err == nil {
			t.Errorf("lookUp(%s) = %s", command, got)
		}
	}
}
