package crilog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const stamp = "2026-01-02T03:04:05.000000006Z"

func fixed() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) }

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestWrite(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for name, test := range map[string]struct {
		writes []string
		want   []string
	}{
		"a line":            {[]string{"one\n"}, []string{"F one"}},
		"an empty line":     {[]string{"\n"}, []string{"F "}},
		"two in one write":  {[]string{"one\ntwo\n"}, []string{"F one", "F two"}},
		"one in two writes": {[]string{"on", "e\n"}, []string{"F one"}},
		"no newline at end": {[]string{"one\ntwo"}, []string{"F one", "F two"}},
		"longest line":      {[]string{long + "\n"}, []string{"F " + long}},
		"too long":          {[]string{long + "y\n"}, []string{"P " + long, "F y"}},
		"much too long":     {[]string{long, long, "\n"}, []string{"P " + long, "F " + long}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pod", "0.log")
			log, err := Open(path, fixed)
			if err != nil {
				t.Fatal(err)
			}
			for _, output := range test.writes {
				log.Write(Stdout, []byte(output))
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			want := ""
			for _, line := range test.want {
				want += stamp + " stdout " + line + "\n"
			}
			if diff := cmp.Diff(want, read(t, path)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStreamsDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	log, err := Open(path, fixed)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(Stdout, []byte("half"))
	log.Write(Stderr, []byte("oops\n"))
	log.Write(Stdout, []byte(" done\n"))
	want := stamp + " stderr F oops\n" + stamp + " stdout F half done\n"
	if diff := cmp.Diff(want, read(t, path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReopenGoesOnInANewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "0.log")
	log, err := Open(path, fixed)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(Stdout, []byte("before\n"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := log.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Write(Stdout, []byte("after\n"))
	if got := read(t, path+".1"); !strings.Contains(got, "before") || strings.Contains(got, "after") {
		t.Errorf("the rotated file holds %q", got)
	}
	if got := read(t, path); !strings.Contains(got, "after") || strings.Contains(got, "before") {
		t.Errorf("the new file holds %q", got)
	}
}

func FuzzWriteLosesNothing(f *testing.F) {
	f.Add([]byte("one\ntwo"), 3)
	f.Add(bytes.Repeat([]byte("x"), MaxLine+1), 1000)
	f.Fuzz(func(t *testing.T, output []byte, cut int) {
		path := filepath.Join(t.TempDir(), "0.log")
		log, err := Open(path, fixed)
		if err != nil {
			t.Fatal(err)
		}
		cut = max(0, min(cut, len(output)))
		log.Write(Stdout, output[:cut])
		log.Write(Stdout, output[cut:])
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for line := range strings.SplitAfterSeq(read(t, path), "\n") {
			if line == "" {
				continue
			}
			content := line[len(stamp+" stdout F "):]
			if strings.HasPrefix(line, stamp+" stdout P ") {
				content = strings.TrimSuffix(content, "\n")
			}
			got.WriteString(content)
		}
		want := string(output)
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if got.String() != want {
			t.Errorf("got %q, want %q", got.String(), want)
		}
	})
}
