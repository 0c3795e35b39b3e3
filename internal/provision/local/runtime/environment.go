//go:build linux

package runtime

import (
	"encoding/json"
	"maps"
	"os"
	"slices"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/process"
	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

// The variables that tell a container about itself.
const (
	VariableAddress = "POCCTL_POD_IP" // the pod's address, on which to listen
	VariableMounts  = "POCCTL_MOUNTS" // mounts as JSON, where they are not at their paths
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment puts the container's variables together; a later layer wins. The
// node's own are not handed on, but for the few that tell of the machine.
func environment(c *container, extra map[string]string) []string {
	variables := map[string]string{
		"PATH":     defaultPath,
		"HOME":     "/",
		"LANG":     "C.UTF-8",
		"HOSTNAME": c.sandbox.hostname(),
	}
	for _, name := range []string{"PATH", "TZ"} {
		if value := os.Getenv(name); value != "" {
			variables[name] = value
		}
	}
	maps.Copy(variables, c.image.Env)
	for _, variable := range c.config.GetEnvs() {
		value := string(variable.GetValue())
		if c.isolation == process.None {
			value = substitute(value, c.mounts)
		}
		variables[variable.GetKey()] = value
	}
	maps.Copy(variables, extra)
	variables[VariableAddress] = c.sandbox.addressText()
	variables[process.Variable] = c.id
	if c.isolation == process.None {
		variables[VariableMounts] = encodeMounts(c.mounts)
		if _, set := variables["TMPDIR"]; !set {
			variables["TMPDIR"] = substitute("/tmp", c.mounts)
		}
	}
	if c.config.GetTty() {
		if _, set := variables["TERM"]; !set {
			variables["TERM"] = "xterm"
		}
	}
	list := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, name+"="+variables[name])
	}
	return list
}

// encodeMounts gives {"/container/path":"/machine/path"}.
func encodeMounts(mounts []shim.Mount) string {
	paths := make(map[string]string, len(mounts))
	for _, mount := range mounts {
		paths[mount.Target] = mount.Source
	}
	encoded, _ := json.Marshal(paths) // strings can't fail
	return string(encoded)
}

// userOf gives who a container runs as. The group is not root's unless the user
// is, other than in Kubernetes, where a pod that names a user alone has group 0.
func userOf(context *runtimeapi.LinuxContainerSecurityContext, fallback int64) shim.User {
	user := shim.User{UID: int(fallback)}
	if asked := context.GetRunAsUser(); asked != nil {
		user.UID = int(asked.GetValue())
	}
	user.GID = int(fallback)
	if user.UID == 0 {
		user.GID = 0
	}
	if asked := context.GetRunAsGroup(); asked != nil {
		user.GID = int(asked.GetValue())
	}
	for _, group := range context.GetSupplementalGroups() {
		user.Groups = append(user.Groups, int(group))
	}
	return user
}
