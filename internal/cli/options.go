// Package cli is pocctl's commands: each turns its flags into the Options of a
// package below and calls it.
package cli

import (
	"io"

	"github.com/pocctl/pocctl/internal/about"
)

// Options are what the commands get from the process.
type Options struct {
	// Stdin answers questions.
	Stdin io.Reader
	// Stdout takes a command's result and nothing else.
	Stdout io.Writer
	// Stderr takes progress, questions and errors.
	Stderr io.Writer
	// Build says what binary this is.
	Build about.Build
}
