package aws

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// timeTerraform puts a Terraform first on PATH that notes when each of its commands began
// and ended, in the file that it gives.
func (w *world) timeTerraform() (log string) {
	w.t.Helper()
	program, err := exec.LookPath("terraform")
	if err != nil {
		w.t.Fatal(err)
	}
	folder := filepath.Join(w.home, "timed")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		w.t.Fatal(err)
	}
	log = filepath.Join(w.home, "terraform.times")
	script := fmt.Sprintf("#!/bin/sh\nbegan=$(date +%%s%%N)\n%s \"$@\"\ncode=$?\necho $began $(date +%%s%%N) >> %s\nexit $code\n", program, log)
	if err := os.WriteFile(filepath.Join(folder, "terraform"), []byte(script), 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.extra = append(append([]string{}, w.extra...), "PATH="+folder+":"+os.Getenv("PATH"))
	return log
}

// covered gives the seconds in which at least one command of the log ran.
func covered(t *testing.T, log string) float64 {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var spans [][2]int64
	for line := range strings.Lines(string(text)) {
		var span [2]int64
		if _, err := fmt.Sscan(line, &span[0], &span[1]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		spans = append(spans, span)
	}
	slices.SortFunc(spans, func(a, b [2]int64) int { return int((a[0] - b[0]) / 1e6) })
	var sum, until int64
	for _, span := range spans {
		from := max(span[0], until)
		until = max(until, span[1])
		sum += until - min(from, until)
	}
	return float64(sum) / 1e9
}
