//go:build linux

package runtime

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/local/image"
)

// commandLine is what to execute. An empty program is looked up on PATH.
type commandLine struct {
	program string
	args    []string
}

// entrypoint gives the command line of a container: the image's program with the
// pod's arguments, or the pod's own command.
func entrypoint(img image.Image, command, args []string) (commandLine, error) {
	if len(command) > 0 {
		return resolveCommand(img, slices.Concat(command, args))
	}
	if img.Program != "" {
		return commandLine{img.Program, slices.Concat([]string{img.Path}, img.Args, args)}, nil
	}
	if len(args) == 0 {
		args = []string{"sh"}
	}
	return commandLine{"", args}, nil
}

// resolveCommand finds what a command means in an image. The image's name stands
// for its entrypoint with the arguments that belong to it, the program's own name
// for the bare program; all else is the machine's.
func resolveCommand(img image.Image, command []string) (commandLine, error) {
	if len(command) == 0 || command[0] == "" {
		return commandLine{}, errors.New("the command is empty")
	}
	name, rest := command[0], command[1:]
	plain := !strings.Contains(name, "/") || path.IsAbs(name)
	switch {
	case img.Program == "" || !plain:
	case name == img.Path || path.Base(name) == path.Base(img.Path):
		return commandLine{img.Program, slices.Concat([]string{name}, img.Args, rest)}, nil
	case path.Base(name) == path.Base(img.Program):
		return commandLine{img.Program, command}, nil
	}
	return commandLine{"", command}, nil
}
