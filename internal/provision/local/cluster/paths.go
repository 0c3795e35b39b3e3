package cluster

import "path/filepath"

// The places in the state directory. What must outlive `down --keep-data` is
// under Data; everything else can be made anew.

// Data holds what belongs to the user: volumes and the passwords of their databases.
func (c Cluster) Data() string { return filepath.Join(c.Directory, "data") }

// Volumes holds the persistent volumes, by namespace and claim.
func (c Cluster) Volumes() string { return filepath.Join(c.Data(), "volumes") }

// Certificates holds keys and certificates.
func (c Cluster) Certificates() string { return filepath.Join(c.Directory, "pki") }

// Kubeconfig is the administrator's kubeconfig.
func (c Cluster) Kubeconfig() string { return filepath.Join(c.Directory, "kubeconfig") }

// EtcdData is etcd's data directory.
func (c Cluster) EtcdData() string { return filepath.Join(c.Directory, "etcd") }

// NodeRoot is the kubelet's root directory.
func (c Cluster) NodeRoot() string { return filepath.Join(c.Directory, "node") }

// PodLogs holds the containers' logs.
func (c Cluster) PodLogs() string { return filepath.Join(c.Directory, "logs", "pods") }

// Hosts holds one hosts file a namespace.
func (c Cluster) Hosts() string { return filepath.Join(c.Directory, "hosts") }

// Log is the log file of a component.
func (c Cluster) Log(component string) string {
	return filepath.Join(c.Directory, "logs", component+".log")
}

// Entries lists the names in the state directory that belong to the cluster.
func Entries() []string {
	return []string{
		"data", "runs", "pki", "kubeconfig", "etcd", "node", "hosts", "logs", "cache",
		descriptionFile, descriptionFile + ".new", statusFile, statusFile + ".new", "supervisor.lock",
	}
}
