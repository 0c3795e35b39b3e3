package controlplane

import (
	"github.com/pocctl/pocctl/internal/provision/local/cluster"
	"github.com/pocctl/pocctl/internal/provision/local/pki"
)

// Certificates gives the certificates of c, making what is missing. The
// supervisor asks before it starts anything, so that its children find them.
func Certificates(c cluster.Cluster) (pki.Bundle, error) {
	return pki.Ensure(c.Certificates(), pki.Options{
		Name:      "pocctl-" + c.Name,
		Server:    "https://" + c.APIServer().String(),
		NodeName:  cluster.NodeName,
		ServiceIP: c.ServiceIP(),
		Hosts:     []string{c.NodeIP().String()},
	})
}
