package doctor

import (
	"context"
	"net"
	"os/exec"
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
