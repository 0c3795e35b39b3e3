package pki

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes a kubeconfig that carries its certificates with it, so
// that it can be copied. Cluster, user and context have the given name; server is
// the URL of the API server.
func WriteKubeconfig(path, name, server string, authority, user Credential) error {
	contents := make([][]byte, 3)
	for i, file := range []string{authority.Certificate, user.Certificate, user.Key} {
		var err error
		if contents[i], err = os.ReadFile(file); err != nil {
			return fmt.Errorf("write kubeconfig: %w", err)
		}
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: contents[0]}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: contents[1], ClientKeyData: contents[2]}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	if err := writeFile(path, data); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
