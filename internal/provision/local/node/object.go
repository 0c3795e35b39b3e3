//go:build linux && !slim

package node

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/pocctl/pocctl/internal/provision/local/cluster"
)

// ensureObject makes the Node object with its addresses, before the kubelet
// looks for it: a kubelet that registers itself refuses loopback.
func ensureObject(ctx context.Context, client kubernetes.Interface, c cluster.Cluster) error {
	nodes := client.CoreV1().Nodes()
	object, err := nodes.Get(ctx, cluster.NodeName, metav1.GetOptions{})
	if errors.IsNotFound(err) {
		object, err = nodes.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: cluster.NodeName,
			Labels: map[string]string{
				corev1.LabelHostname:           cluster.NodeName,
				corev1.LabelTopologyZone:       "local",
				corev1.LabelTopologyRegion:     "local",
				corev1.LabelInstanceTypeStable: "process",
			},
		}}, metav1.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("make node object: %w", err)
	}
	object.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: c.NodeIP().String()},
		{Type: corev1.NodeHostName, Address: cluster.NodeName},
	}
	if _, err := nodes.UpdateStatus(ctx, object, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("set node addresses: %w", err)
	}
	return nil
}
