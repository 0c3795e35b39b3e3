//go:build linux && !slim

// Package kubernetes runs the components of Kubernetes, compiled in. It is the
// only package that imports k8s.io/kubernetes.
package kubernetes

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// Run runs the component called name with its own flags until it ends, and
// gives its exit code. The components take their signals themselves.
func Run(name string, args []string) (int, error) {
	var command *cobra.Command
	switch name {
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = controllermanager.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	default:
		return 2, fmt.Errorf("there is no component %q", name)
	}
	command.SetArgs(args)
	return cli.Run(command), nil
}
