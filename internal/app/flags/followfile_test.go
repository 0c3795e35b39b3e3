package flags

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// reads counts what an Observer is told of the file.
type reads struct {
	unobserved
	mutex     sync.Mutex
	good, bad int
}

func (r *reads) FlagFileRead(ok bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if ok {
		r.good++
	} else {
		r.bad++
	}
}

func (r *reads) count() (good, bad int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.good, r.bad
}

// followed are flags that follow the file at path.
func followed(t *testing.T, path string, change func(*Options)) *Flags {
	t.Helper()
	options := Options{
		Default: builtInFile(t), Path: path, Settle: 10 * time.Millisecond, FilePoll: time.Hour, Observer: &reads{},
	}
	if change != nil {
		change(&options)
	}
	f, err := New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { f.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		if err := f.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// limiting is a file with rate limiting on or off.
func limiting(on bool) string {
	variant := map[bool]string{true: "on", false: "off"}[on]
	return "flags:\n  rate-limiting: {description: d, type: boolean, default: \"" + variant + "\"}\n"
}

func (f *Flags) limits() bool { return f.Evaluate(context.Background(), Subject{}).RateLimiting }

func awaitLimiting(t *testing.T, f *Flags, on bool) {
	t.Helper()
	await(t, fmt.Sprintf("rate limiting: %t", on), func() bool { return f.limits() == on })
}

func TestAFileIsTakenUpHoweverItIsReplaced(t *testing.T) {
	replace := map[string]func(t testing.TB, path, content string){
		"written over": write,
		"renamed over": func(t testing.TB, path, content string) {
			write(t, path+".new", content)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		},
		"removed, then made": func(t testing.TB, path, content string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, content)
		},
	}
	for name, put := range replace {
		t.Run(name, func(t *testing.T) {
			path := written(t, limiting(true))
			f := followed(t, path, nil)
			before := f.Status()
			for range 3 {
				put(t, path, limiting(false))
				awaitLimiting(t, f, false)
				put(t, path, limiting(true))
				awaitLimiting(t, f, true)
			}
			after := f.Status()
			if after.Problem() != "" || after.Revision != before.Revision || !after.FileReadAt.After(before.FileReadAt) {
				t.Errorf("status %+v after %+v", after, before)
			}
		})
	}
}

// Kubernetes gives a ConfigMap a new directory, and swaps the link to it.
func TestAConfigMapIsTakenUp(t *testing.T) {
	mount := t.TempDir()
	publish := func(revision int, content string) {
		data := fmt.Sprintf("..2026_revision_%d", revision)
		if err := os.Mkdir(filepath.Join(mount, data), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(mount, data, "feature-flags.yaml"), content)
		if err := os.Symlink(data, filepath.Join(mount, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(mount, "..data_tmp"), filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(mount, fmt.Sprintf("..2026_revision_%d", revision-1))); err != nil {
			t.Fatal(err)
		}
	}
	publish(1, limiting(true))
	path := filepath.Join(mount, "feature-flags.yaml")
	if err := os.Symlink("..data/feature-flags.yaml", path); err != nil {
		t.Fatal(err)
	}
	f := followed(t, path, nil)
	for revision := 2; revision < 6; revision++ {
		on := revision%2 == 1
		publish(revision, limiting(on))
		awaitLimiting(t, f, on)
	}
}

func TestWhatTheKernelDoesNotTellIsFoundByLooking(t *testing.T) {
	// The file is a link to a place that nothing watches.
	elsewhere := written(t, limiting(true))
	path := filepath.Join(t.TempDir(), "flags.yaml")
	if err := os.Symlink(elsewhere, path); err != nil {
		t.Fatal(err)
	}
	f := followed(t, path, func(o *Options) { o.FilePoll = 20 * time.Millisecond })
	write(t, elsewhere, limiting(false))
	awaitLimiting(t, f, false)
}

func TestADirectoryThatIsMadeAnewIsWatchedAgain(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "flags")
	path := filepath.Join(directory, "flags.yaml")
	create := func(content string) {
		if err := os.Mkdir(directory, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, content)
	}
	create(limiting(true))
	f := followed(t, path, func(o *Options) { o.FilePoll = 20 * time.Millisecond })
	if err := os.RemoveAll(directory); err != nil {
		t.Fatal(err)
	}
	await(t, "the file to be missed", func() bool { return strings.Contains(f.Status().FileError, "no such file") })
	if !f.limits() {
		t.Error("without the file, its flags are gone")
	}
	create(limiting(false))
	awaitLimiting(t, f, false)
	if problem := f.Status().Problem(); problem != "" {
		t.Errorf("with the file there again: %s", problem)
	}
}

func TestABrokenFileLeavesTheOneBeforeInForce(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	seen := &reads{}
	path := written(t, limiting(false))
	f := followed(t, path, func(o *Options) { o.Logger, o.Observer = zap.New(core), seen })
	revision := f.Status().Revision
	for i, broken := range []string{
		"", "flags:\n  rate-limiting: {description: d, type: boolean, default: \"on\", enabel: true}\n", "flags: [",
	} {
		write(t, path, broken)
		await(t, "the broken file to be counted", func() bool { _, bad := seen.count(); return bad == i+1 })
		status := f.Status()
		if f.limits() || status.Revision != revision || status.FileError == "" || !strings.Contains(status.Problem(), status.FileError) {
			t.Errorf("%q: limits: %t, status %+v; want the file before, and why", broken, f.limits(), status)
		}
	}
	if got := logs.FilterLevelExact(zap.ErrorLevel).Len(); got != 3 {
		t.Errorf("logged %d errors, want 3", got)
	}
	line := logs.FilterLevelExact(zap.ErrorLevel).All()[1].ContextMap()["error"]
	if want := "line 2: flags.rate-limiting.enabel is not a known key"; !strings.Contains(fmt.Sprint(line), want) {
		t.Errorf("logged %v, want %q", line, want)
	}
	// Even the good file again is a change from the broken one.
	write(t, path, limiting(false))
	await(t, "the file to be well again", func() bool { return f.Status().Problem() == "" })
	write(t, path, limiting(true))
	awaitLimiting(t, f, true)
	// A file is in force a moment before it is counted.
	await(t, "both good files to be counted", func() bool { good, bad := seen.count(); return good == 2 && bad == 3 })
}

// Half a file can read well, with flags missing: it must not count.
func TestAFileThatIsBeingWrittenDoesNotCount(t *testing.T) {
	whole := limiting(false) + "  experimental-search: {description: d, type: boolean, default: \"on\"}\n"
	path := written(t, whole)
	f := followed(t, path, func(o *Options) { o.Settle = 500 * time.Millisecond })
	lines := strings.SplitAfter(whole, "\n")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// A line every few milliseconds for longer than it takes to settle.
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	begun := time.Now()
	for i := 0; time.Since(begun) < 1200*time.Millisecond; i++ {
		<-pace.C
		line := "# more to come\n"
		if i < len(lines) {
			line = lines[i]
		}
		if _, err := file.WriteString(line); err != nil {
			t.Fatal(err)
		}
		if got := f.Evaluate(t.Context(), Subject{}); got.RateLimiting || !got.ExperimentalSearch {
			t.Fatalf("while it is written, flags are %s", got)
		}
	}
	revision := f.Status().Revision
	await(t, "the whole file", func() bool { return f.Status().Revision != revision })
	if good, bad := f.options.Observer.(*reads).count(); good != 1 || bad != 0 {
		t.Errorf("read %d good and %d bad files, want the whole one alone", good, bad)
	}
	if got := f.Evaluate(t.Context(), Subject{}); got.RateLimiting || !got.ExperimentalSearch {
		t.Errorf("flags are %s", got)
	}
}

func TestSharesStayTheSameAcrossReloadsAndReplicas(t *testing.T) {
	search := func(percent int, comment string) string {
		return fmt.Sprintf("# %s\nflags:\n  experimental-search:\n    description: %s\n    type: boolean\n    default: \"off\"\n"+
			"    rules: [{percent: %d, variant: \"on\"}]\n", comment, comment, percent)
	}
	in := func(f *Flags) map[string]bool {
		all := map[string]bool{}
		for i := range 2000 {
			subject := subjectNumber(i)
			if f.Evaluate(t.Context(), subject).ExperimentalSearch {
				all[subject.Subject] = true
			}
		}
		return all
	}
	path := written(t, search(20, "first"))
	f := followed(t, path, nil)
	first := in(f)
	if len(first) < 320 || len(first) > 480 {
		t.Fatalf("%d of 2000 are in 20%%", len(first))
	}
	revision := f.Status().Revision
	write(t, path, search(20, "second"))
	await(t, "the second file", func() bool { return f.Status().Revision != revision })
	replica := followed(t, written(t, search(20, "another")), nil)
	for name, other := range map[string]map[string]bool{"after a reload": in(f), "in another replica": in(replica)} {
		if len(other) != len(first) {
			t.Errorf("%s: %d are in, %d were", name, len(other), len(first))
		}
		for subject := range first {
			if !other[subject] {
				t.Errorf("%s: %s is out", name, subject)
			}
		}
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"nothing built in": {Options{}, "read the flags that are built in: is empty"},
		"built in without ours": {
			Options{Default: []byte("flags: {}")}, "read the flags that are built in: there is no product-cache",
		},
		"no file":       {Options{Default: builtInFile(t), Path: "/nowhere/flags.yaml"}, "read /nowhere/flags.yaml: no such file or directory"},
		"a directory":   {Options{Default: builtInFile(t), Path: t.TempDir()}, "is a directory"},
		"a broken file": {Options{Default: builtInFile(t), Path: written(t, "flags:\n  x: 1\n")}, "line 2: flags.x must be a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(t.Context(), test.options); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
