//go:build linux

package exporter

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// Options of an exporter's image.
type Options struct {
	// Args are the container's arguments, as the official image takes them.
	Args []string
	// Address is listened on where an argument names every address; empty leaves it.
	Address string
	// Env gives a variable of the container, and whether it is there; default os.LookupEnv.
	Env func(string) (string, bool)
	// Log takes what the exporter says; default os.Stderr.
	Log io.Writer
}

// Defaults fills in what is not given.
func (o Options) Defaults() Options {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.Log == nil {
		o.Log = os.Stderr
	}
	return o
}

// Variable gives a variable of the container, or of the file that NAME_FILE names,
// or nothing.
func (o Options) Variable(name string) (string, error) {
	if file, given := o.Env(name + "_FILE"); given {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("%s_FILE: %w", name, err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	value, _ := o.Env(name)
	return value, nil
}

// Flags of an exporter: those that it follows. Others are refused by name.
type Flags struct {
	*pflag.FlagSet
	// Listen, Path and Level are where it answers, where its metrics are, and what it says.
	Listen, Path, Level string
}

// NewFlags has those that all exporters follow. listen is where this one does by default,
// level the name of the flag that says how much it says.
func NewFlags(name, listen, level string) *Flags {
	f := &Flags{FlagSet: pflag.NewFlagSet(name, pflag.ContinueOnError)}
	f.SetOutput(io.Discard)
	f.StringVar(&f.Listen, "web.listen-address", listen, "")
	f.StringVar(&f.Path, "web.telemetry-path", "/metrics", "")
	f.StringVar(&f.Level, level, "info", "")
	return f
}

// Read parses the arguments.
func (f *Flags) Read(args []string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is no flag", f.Arg(0))
	}
	if !strings.HasPrefix(f.Path, "/") {
		return fmt.Errorf("--web.telemetry-path: %q has no slash at its front", f.Path)
	}
	return nil
}
