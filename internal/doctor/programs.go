package doctor

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/fault"
)

// port says whether the ingress gets the address it asks for.
func port(ctx context.Context, address string) Result {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return warn(address+" is taken", "the next free port is used; `pocctl status` says which")
	}
	if err := listener.Close(); err != nil {
		return warn(address+": "+err.Error(), "try again")
	}
	return ok(address + " is free")
}

// postgres looks where Debian, Red Hat and Homebrew put the server, which is
// seldom on PATH.
func postgres(directory string) Result {
	if directory != "" {
		for _, program := range []string{"postgres", "initdb"} {
			if _, err := exec.LookPath(filepath.Join(directory, program)); err != nil {
				return fail(fault.New(fault.ConfigInvalid, "path", "postgres.directory",
					"detail", fmt.Sprintf("%s holds no program %s", directory, program),
					"fix", "give the folder of postgres and initdb, or leave the key out"))
			}
		}
		return ok(directory)
	}
	var folders []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err == nil {
			folders = append(folders, found...)
		}
	}
	if program, err := exec.LookPath("postgres"); err == nil {
		folders = append([]string{filepath.Dir(program)}, folders...)
	}
	for _, folder := range folders {
		server, serverErr := exec.LookPath(filepath.Join(folder, "postgres"))
		_, initErr := exec.LookPath(filepath.Join(folder, "initdb"))
		if serverErr == nil && initErr == nil {
			return ok(server)
		}
	}
	return warn("none on this machine", "it is fetched on the first run, which needs a network; or install it: apt-get install postgresql")
}

func redis() Result {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return ok("built in")
	}
	return ok(program)
}

func kubectl() Result {
	program, err := exec.LookPath("kubectl")
	if err != nil {
		return warn("none on PATH", "only needed to look around by hand: apt-get install kubernetes-client")
	}
	return ok(program)
}

func docker(ctx context.Context) Result {
	for _, name := range []string{"docker", "podman"} {
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		output, err := exec.CommandContext(ctx, name, "version", "--format", "{{.Server.Version}}").CombinedOutput()
		if err == nil {
			return ok(name + " " + strings.TrimSpace(string(output)))
		}
		lines := slices.Collect(strings.Lines(string(output)))
		return fail(fault.New(fault.PlatformUnsupported, "detail", name+" does not answer: "+strings.TrimSpace(slices.Concat(lines, []string{err.Error()})[0])))
	}
	return fail(fault.New(fault.PlatformUnsupported, "detail", "there is neither docker nor podman"))
}
