package about

import (
	"os"
	"path/filepath"
	"strings"
)

// The packages of Kubernetes, Helm and etcd take some 50 ms to initialise, which
// a question for the version need not wait for. Packages are initialised in the
// order of their import paths as far as their imports allow (the Go
// specification, "Program initialization"), and this one imports little and
// comes before k8s.io and helm.sh.
//
//nolint:gochecknoinits // see above; docs/adr/0012 has the figures
func init() {
	if early(os.Args, os.Environ()) {
		if This().Text(os.Stdout) == nil {
			os.Exit(0) //nolint:forbidigo // see above
		}
	}
}

// early says whether the command line is a plain `pocctl version`. Anything that
// could ask for another form of the answer goes the usual way.
func early(args, environment []string) bool {
	if len(args) != 2 || args[1] != "version" {
		return false
	}
	for _, variable := range environment {
		if strings.HasPrefix(variable, "POCCTL_") {
			return false
		}
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return true // without a home there are no settings
	}
	_, err = os.Stat(filepath.Join(folder, "pocctl", "config.yaml"))
	return os.IsNotExist(err)
}
