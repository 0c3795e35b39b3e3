//go:build cluster

package deploytest

import (
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// TestCluster runs the suite on the cluster of POCCTL_TEST_KUBECONFIG, with the
// image and the argument lists of POCCTL_TEST_IMAGE, _SERVE, _SUCCEED and _FAIL.
func TestCluster(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("POCCTL_TEST_KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	arguments := func(name string) []string { return strings.Fields(os.Getenv("POCCTL_TEST_" + name)) }
	Run(t, Cluster{
		Config: config, Image: os.Getenv("POCCTL_TEST_IMAGE"),
		Serve: arguments("SERVE"), Succeed: arguments("SUCCEED"), Fail: arguments("FAIL"),
	})
}
