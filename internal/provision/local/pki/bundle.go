// Package pki makes the keys, certificates and kubeconfigs of a local cluster on
// the spot, and makes again what is missing, broken or about to expire.
package pki

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Users that have no role of Kubernetes' own and need one bound to them.
const (
	// KubeletClientUser is the API server towards the kubelet; it needs the
	// ClusterRole system:kubelet-api-admin and no more.
	KubeletClientUser = "kube-apiserver-kubelet-client"
	// NodeServicesUser is the service proxy, DNS, ingress and storage.
	NodeServicesUser = "system:pocctl"
)

// How long certificates are valid, and how early they are made again. An
// authority is renewed before anything that it signs could outlive it.
const (
	authorityLife  = 10 * 365 * 24 * time.Hour
	authorityRenew = 2 * 365 * 24 * time.Hour
	leafLife       = 365 * 24 * time.Hour
	leafRenew      = 90 * 24 * time.Hour
	backdate       = time.Hour // for a clock that is set back a little
)

// Credential holds the paths of one identity's files.
type Credential struct {
	Certificate string // PEM
	Key         string // PEM
	Kubeconfig  string // empty for those that are no client of the API server
}

// KeyPair holds the paths of a bare key pair.
type KeyPair struct {
	Key    string // PEM
	Public string // PEM
}

// Bundle holds the paths of everything that Ensure made.
type Bundle struct {
	// ClusterAuthority signs all but etcd's. EtcdAuthority is one of its own, as
	// etcd gives everything to whoever its authority has signed.
	ClusterAuthority, EtcdAuthority Credential

	Etcd       Credential // etcd's server and peer
	EtcdClient Credential // the API server towards etcd

	APIServer     Credential // the API server's serving certificate
	KubeletClient Credential // the API server towards the kubelet
	Kubelet       Credential // the kubelet's serving certificate

	ControllerManager Credential
	Scheduler         Credential
	Node              Credential // the kubelet towards the API server
	NodeServices      Credential
	Admin             Credential

	ServiceAccount KeyPair // signs the tokens of service accounts
}

// Options say what the certificates are for.
type Options struct {
	// Name of the cluster in the kubeconfigs.
	Name string
	// Server is the URL of the API server in the kubeconfigs.
	Server string
	// NodeName is the name of the node.
	NodeName string
	// ServiceIP is the address of the Service named kubernetes.
	ServiceIP netip.Addr
	// Hosts are names and addresses, beside localhost and 127.0.0.1, at which
	// the cluster's servers are reached.
	Hosts []string
	// Now is the time to judge and make certificates at; default the clock's.
	Now time.Time
}

// Ensure leaves a whole and valid set of files in dir, and gives their paths.
// What is there and good is kept. The directory and the files are the user's
// alone. One process at a time.
func Ensure(dir string, options Options) (Bundle, error) {
	if options.Now.IsZero() {
		options.Now = time.Now()
	}
	bundle, err := ensure(dir, options)
	if err != nil {
		return Bundle{}, fmt.Errorf("make the cluster's certificates: %w", err)
	}
	return bundle, nil
}

func ensure(dir string, options Options) (Bundle, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Bundle{}, err
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x
		return Bundle{}, err
	}
	m := maker{dir: dir, now: options.Now}
	var bundle Bundle

	cluster, err := m.authority("ca", "pocctl-"+options.Name)
	if err != nil {
		return Bundle{}, err
	}
	bundle.ClusterAuthority = cluster.paths
	etcd, err := m.authority("etcd-ca", "pocctl-"+options.Name+"-etcd")
	if err != nil {
		return Bundle{}, err
	}
	bundle.EtcdAuthority = etcd.paths

	for _, leaf := range leaves(&bundle, options) {
		signer := cluster
		if leaf.etcd {
			signer = etcd
		}
		if *leaf.paths, err = m.leaf(signer, leaf.file, leaf.request); err != nil {
			return Bundle{}, err
		}
		if !leaf.kubeconfig {
			continue
		}
		leaf.paths.Kubeconfig = filepath.Join(dir, leaf.file+".kubeconfig")
		err = WriteKubeconfig(leaf.paths.Kubeconfig, options.Name, options.Server, bundle.ClusterAuthority, *leaf.paths)
		if err != nil {
			return Bundle{}, err
		}
	}
	bundle.ServiceAccount, err = m.keyPair("service-account")
	return bundle, err
}

// leaf is one certificate of the set.
type leaf struct {
	paths      *Credential
	file       string
	request    request
	etcd       bool // signed by etcd's authority
	kubeconfig bool
}

func leaves(b *Bundle, o Options) []leaf {
	local := append([]string{"localhost", "127.0.0.1"}, o.Hosts...)
	kubernetes := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		o.ServiceIP.String(),
	}, local...)
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	server := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}

	return []leaf{
		{paths: &b.Etcd, file: "etcd", request: request{user: "etcd", usages: both, hosts: local}, etcd: true},
		{paths: &b.EtcdClient, file: "etcd-client", request: request{user: "kube-apiserver-etcd-client", usages: client}, etcd: true},
		{paths: &b.APIServer, file: "apiserver", request: request{user: "kube-apiserver", usages: server, hosts: kubernetes}},
		{paths: &b.KubeletClient, file: "kubelet-client", request: request{user: KubeletClientUser, usages: client}},
		{paths: &b.Kubelet, file: "kubelet", request: request{
			user: "system:node:" + o.NodeName, group: "system:nodes", usages: server, hosts: append([]string{o.NodeName}, local...),
		}},
		{paths: &b.ControllerManager, file: "controller-manager", request: request{user: "system:kube-controller-manager", usages: client}, kubeconfig: true},
		{paths: &b.Scheduler, file: "scheduler", request: request{user: "system:kube-scheduler", usages: client}, kubeconfig: true},
		{paths: &b.Node, file: "node", request: request{
			user: "system:node:" + o.NodeName, group: "system:nodes", usages: client,
		}, kubeconfig: true},
		{paths: &b.NodeServices, file: "node-services", request: request{user: NodeServicesUser, usages: client}, kubeconfig: true},
		{paths: &b.Admin, file: "admin", request: request{user: "pocctl-admin", group: "system:masters", usages: client}, kubeconfig: true},
	}
}
