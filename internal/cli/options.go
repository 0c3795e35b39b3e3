// Package cli is pocctl's commands: each turns its flags into the Options of a
// package below and calls it.
package cli

import "io"

// Options are what the commands get from the process.
type Options struct {
	// Stdin answers questions.
	Stdin io.Reader
	// Stdout takes a command's result and nothing else.
	Stdout io.Writer
	// Stderr takes progress, questions and errors.
	Stderr io.Writer
	// Build says what binary this is.
	Build Build
}

// Build is what the linker knows of the binary.
type Build struct {
	Version    string // "v1.2.3", or "dev" for a build by hand
	Commit     string
	Date       string // RFC 3339
	Kubernetes string // the version inside the binary; empty in a slim build
}
