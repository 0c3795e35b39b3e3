package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An apply outlives pocctl: killed halfway, Terraform would forget what AWS is making
// at that moment. So it runs in a session of its own and writes into a file, on which
// it holds a lock for as long as it lives; pocctl reads along. The next run finds it
// by that lock.

const (
	outputName = "apply.jsonl"
	errorName  = "apply.err"
	pidName    = "apply.pid"
	// pollEvery is how often the output is looked at.
	pollEvery = 50 * time.Millisecond
)

// applying runs an apply of the plan in file to its end.
func (r *Root) applying(ctx context.Context, file string, said *stream) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	output, err := r.create(outputName)
	if err != nil {
		return err
	}
	defer output.Close()
	if err := unix.Flock(int(output.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("an earlier run's Terraform is still at work: %w", err)
	}
	if err := output.Truncate(0); err != nil {
		return fmt.Errorf("empty Terraform's output: %w", err)
	}
	words, err := r.create(errorName)
	if err != nil {
		return err
	}
	defer words.Close()
	if err := words.Truncate(0); err != nil {
		return fmt.Errorf("empty Terraform's output: %w", err)
	}
	command := exec.Command(r.options.Binary.Path, "apply", "-json", "-input=false", "-parallelism="+strconv.Itoa(r.options.Parallel), file) //nolint:gosec,noctx // the user's own Terraform, which outlives every context
	command.Dir, command.Stdout, command.Stderr = r.options.Directory, output, words
	command.Env = append(pairs(environment(r.options.Data)), "TF_IN_AUTOMATION=1")
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is not for it
	if err := command.Start(); err != nil {
		return fmt.Errorf("start terraform: %w", err)
	}
	_ = os.WriteFile(r.data(pidName), []byte(strconv.Itoa(command.Process.Pid)), 0o600) // for the next run alone
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()

	err = r.follow(ctx, said, command.Process, ended)
	if rest, readErr := os.ReadFile(r.data(errorName)); readErr == nil {
		said.other.Write(rest)
	}
	return err
}

// Await waits for the Terraform of an earlier run that was killed, if it is still at
// work, and says whether there was one. Its errors are not given: the next plan shows
// what is left to do.
func (r *Root) Await(ctx context.Context, each func(Event)) (bool, error) {
	output, err := os.OpenFile(r.data(outputName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for an earlier run's Terraform: %w", err)
	}
	defer output.Close()
	free := func() bool { return unix.Flock(int(output.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil }
	if free() {
		return false, nil
	}
	number, err := os.ReadFile(r.data(pidName))
	if err != nil {
		return true, fmt.Errorf("look for an earlier run's Terraform: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(number)))
	if err != nil {
		return true, fmt.Errorf("look for an earlier run's Terraform: %w", err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return true, fmt.Errorf("look for an earlier run's Terraform: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		tick := time.NewTicker(pollEvery)
		defer tick.Stop()
		for !free() { // it ends in any case: the lock goes with the process
			<-tick.C
		}
		ended <- nil
	}()
	return true, r.follow(ctx, &stream{each: each}, process, ended)
}

// follow reads the output as it grows, until the process has ended. When ctx ends
// first, the process is interrupted once, and killed after r's patience.
func (r *Root) follow(ctx context.Context, said *stream, process *os.Process, ended <-chan error) error {
	reader, err := os.Open(r.data(outputName))
	if err != nil {
		return fmt.Errorf("read Terraform's output: %w", err)
	}
	defer reader.Close()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	interrupt := ctx.Done()
	var patience <-chan time.Time
	for {
		select {
		case err := <-ended:
			_, readErr := io.Copy(said, reader)
			return errors.Join(err, readErr)
		case <-tick.C:
			if _, err := io.Copy(said, reader); err != nil {
				return fmt.Errorf("read Terraform's output: %w", err)
			}
		case <-interrupt:
			interrupt, patience = nil, time.After(r.options.Patience)
			_ = process.Signal(os.Interrupt) // gone already is as good
		case <-patience:
			_ = process.Kill()
		}
	}
}

func (r *Root) data(name string) string { return filepath.Join(r.options.Data, name) }

func (r *Root) create(name string) (*os.File, error) {
	if err := os.MkdirAll(r.options.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make Terraform's directory: %w", err)
	}
	file, err := os.OpenFile(r.data(name), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open Terraform's output: %w", err)
	}
	return file, nil
}

func pairs(variables map[string]string) []string {
	list := make([]string, 0, len(variables))
	for name, value := range variables {
		list = append(list, name+"="+value)
	}
	return list
}
