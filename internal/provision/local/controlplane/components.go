// Package controlplane describes the processes of a local cluster: what each is
// started with, and how one knows that it is ready.
package controlplane

import (
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/pki"
)

// The components, in the order in which they start.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Node              = "node"
)

// Names lists the components in the order in which they start.
func Names() []string { return []string{Etcd, APIServer, ControllerManager, Scheduler, Node} }

// Component is one process of the cluster, run as `pocctl component NAME ARGS…`.
type Component struct {
	Name string
	Args []string
	// After names the component that must be ready before this one starts.
	After string
	// Env is added to the process's environment.
	Env []string
}

// Components gives the processes of c, in starting order.
func Components(c cluster.Cluster, files pki.Bundle) []Component {
	lean := []string{"GOGC=50"}
	return []Component{
		{Name: Etcd, Args: []string{c.Directory}, Env: lean},
		// The API server waits for etcd itself, and starting both at once saves
		// a second.
		{Name: APIServer, Args: apiServerFlags(c, files), Env: lean},
		{Name: ControllerManager, Args: controllerManagerFlags(c, files), After: APIServer, Env: lean},
		{Name: Scheduler, Args: schedulerFlags(files), After: APIServer, Env: lean},
		{Name: Node, Args: []string{c.Directory}, After: APIServer, Env: lean},
	}
}

func apiServerFlags(c cluster.Cluster, files pki.Bundle) []string {
	return []string{
		"--bind-address=" + c.NodeIP().String(),
		"--advertise-address=" + c.NodeIP().String(),
		"--secure-port=" + strconv.Itoa(int(c.APIServer().Port())),
		"--tls-cert-file=" + files.APIServer.Certificate,
		"--tls-private-key-file=" + files.APIServer.Key,
		"--client-ca-file=" + files.ClusterAuthority.Certificate,
		"--anonymous-auth=false",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",

		"--etcd-servers=https://" + c.EtcdClient().String(),
		"--etcd-cafile=" + files.EtcdAuthority.Certificate,
		"--etcd-certfile=" + files.EtcdClient.Certificate,
		"--etcd-keyfile=" + files.EtcdClient.Key,

		"--kubelet-client-certificate=" + files.KubeletClient.Certificate,
		"--kubelet-client-key=" + files.KubeletClient.Key,
		"--kubelet-certificate-authority=" + files.ClusterAuthority.Certificate,
		"--kubelet-preferred-address-types=InternalIP",

		"--service-cluster-ip-range=" + c.ServiceRange().String(),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + files.ServiceAccount.Key,
		"--service-account-key-file=" + files.ServiceAccount.Public,
		// Endpoints may not hold loopback addresses; the service proxy knows
		// where the API server is.
		"--endpoint-reconciler-type=none",
		"--profiling=false",
		"--event-ttl=3h",
	}
}

func controllerManagerFlags(c cluster.Cluster, files pki.Bundle) []string {
	return []string{
		"--kubeconfig=" + files.ControllerManager.Kubeconfig,
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + files.ServiceAccount.Key,
		"--root-ca-file=" + files.ClusterAuthority.Certificate,
		"--cluster-name=" + c.Name,
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		"--node-monitor-grace-period=20s",
		"--controllers=" + strings.Join(controllers(), ","),
	}
}

func schedulerFlags(files pki.Bundle) []string {
	return []string{
		"--kubeconfig=" + files.Scheduler.Kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	}
}

// controllers lists what runs in the controller manager. Those for Endpoints are
// left out: pod addresses are loopback, which Endpoints refuse, so the service
// proxy and the ingress follow pods by the Service's selector. Left out too is
// what manages clouds, several nodes, or certificates that nobody asks for.
func controllers() []string {
	names := []string{
		"clusterrole-aggregation", "cronjob", "daemonset", "deployment", "disruption", "ephemeral-volume",
		"garbage-collector", "horizontal-pod-autoscaler", "job", "namespace", "node-lifecycle",
		"persistentvolume-binder", "persistentvolume-protection", "persistentvolumeclaim-protection",
		"pod-garbage-collector", "replicaset", "replicationcontroller", "resourcequota",
		"root-ca-certificate-publisher", "service-cidr", "serviceaccount", "serviceaccount-token",
		"statefulset", "taint-eviction", "ttl-after-finished", "validatingadmissionpolicy-status",
	}
	for i, name := range names {
		names[i] = name + "-controller"
	}
	return names
}
