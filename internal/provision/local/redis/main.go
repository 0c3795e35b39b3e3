//go:build linux

// Package redis runs the machine's own redis-server the way the official
// container image does, or a Redis that is compiled in where there is none.
package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pocctl/pocctl/internal/provision/local/process"
)

// Options of the image.
type Options struct {
	// Args are the container's arguments: "redis-server" and its own, or just
	// those, or another program with its.
	Args []string
	// Address to listen on unless an argument says otherwise; default 127.0.0.1.
	Address string
	// Data is where data is kept unless an argument says otherwise; default
	// /data, as in the official image.
	Data string
	// Log takes what the compiled-in server says; default os.Stderr.
	Log io.Writer
	// BuiltIn takes the compiled-in server even where there is a redis-server.
	BuiltIn bool
}

// Main does what the official image's entry point does. It becomes the machine's
// redis-server (or valkey-server), or serves with the compiled-in one until the
// context ends or SIGTERM or SIGINT comes.
func Main(ctx context.Context, options Options) error {
	if options.Log == nil {
		options.Log = os.Stderr
	}
	if options.Address == "" {
		options.Address = "127.0.0.1"
	}
	if options.Data == "" {
		options.Data = "/data"
	}
	args := options.Args
	if len(args) > 0 && args[0] != "redis-server" && !isServerArgument(args[0]) {
		program, err := exec.LookPath(args[0])
		if err != nil {
			return fmt.Errorf("run %s: %w", args[0], err)
		}
		return become(program, args)
	}
	if len(args) > 0 && args[0] == "redis-server" {
		args = args[1:]
	}
	settings, err := parse(args)
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	program := find()
	if program != "" && !options.BuiltIn {
		all, err := serverArguments(ctx, program, args, settings, options)
		if err != nil {
			return fmt.Errorf("start Redis: %w", err)
		}
		return become(program, all)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return serve(ctx, settings, options, slog.New(slog.NewTextHandler(options.Log, nil)))
}

func isServerArgument(argument string) bool {
	return strings.HasPrefix(argument, "-") || strings.HasSuffix(argument, ".conf")
}

// find gives the path of the machine's server, or nothing.
func find() string {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	return ""
}

// serverArguments adds to the container's arguments what the image, or the
// machine that pods share, asks for. A later argument of Redis wins, and an
// absent one takes ours.
func serverArguments(ctx context.Context, program string, args []string, s settings, options Options) ([]string, error) {
	own := []string{}
	add := func(name string, values ...string) {
		if _, given := s.values[name]; !given {
			own = append(append(own, "--"+name), values...)
		}
	}
	if s.file == "" { // which may say these itself
		add("bind", options.Address)
		add("dir", options.Data)
		add("protected-mode", "no")
	}
	if titles, err := setsTitle(ctx, program); err != nil {
		return nil, err
	} else if titles {
		// Its title would be written over its environment, by which a leftover
		// of this cluster is known.
		add("set-proc-title", "no")
	}
	var file []string
	if s.file != "" {
		file, args = args[:1], args[1:]
	}
	return slices.Concat([]string{filepath.Base(program)}, file, own, args), nil
}

var versionPattern = regexp.MustCompile(`\bv=(\d+)\.(\d+)`)

// setsTitle says whether a server knows set-proc-title: since 6.2.
func setsTitle(ctx context.Context, program string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return false, fmt.Errorf("run %s --version: %w", program, err)
	}
	match := versionPattern.FindSubmatch(output)
	if match == nil {
		return false, errors.New(program + " does not tell its version")
	}
	major, _ := strconv.Atoi(string(match[1]))
	minor, _ := strconv.Atoi(string(match[2]))
	return major > 6 || major == 6 && minor >= 2, nil
}

func become(program string, args []string) error {
	if err := process.Become(program, args, os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}
