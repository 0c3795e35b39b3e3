// Package bootstrap gives a fresh local cluster what its node and its charts
// count on: the node's rights, a default StorageClass and an IngressClass.
package bootstrap

import (
	"context"
	"fmt"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pocctl/pocctl/internal/provision/local/pki"
)

// The names that charts use.
const (
	StorageClass = "standard"
	// StorageProvisioner makes the volumes of StorageClass.
	StorageProvisioner = "pocctl.dev/local"
	// IngressClass is ingress-nginx's, whose annotations the ingress honours.
	IngressClass      = "nginx"
	ingressController = "k8s.io/ingress-nginx"
)

// Apply makes what is missing. It asks again while the API server still fills
// its own caches, for as long as ctx lives.
func Apply(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		last = apply(ctx, client)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("bootstrap: %w (last: %w)", err, last)
	}
	return nil
}

func apply(ctx context.Context, client kubernetes.Interface) error {
	for _, role := range roles() {
		_, err := client.RbacV1().ClusterRoles().Create(ctx, &role, metav1.CreateOptions{})
		if keep(err) != nil {
			return fmt.Errorf("make role %s: %w", role.Name, err)
		}
	}
	for _, binding := range bindings() {
		_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &binding, metav1.CreateOptions{})
		if keep(err) != nil {
			return fmt.Errorf("bind role %s: %w", binding.Name, err)
		}
	}
	_, err := client.StorageV1().StorageClasses().Create(ctx, storageClass(), metav1.CreateOptions{})
	if keep(err) != nil {
		return fmt.Errorf("make storage class: %w", err)
	}
	_, err = client.NetworkingV1().IngressClasses().Create(ctx, ingressClass(), metav1.CreateOptions{})
	if keep(err) != nil {
		return fmt.Errorf("make ingress class: %w", err)
	}
	return nil
}

// keep passes over what is there already: a user may have changed it.
func keep(err error) error {
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// roles gives the rights of the node's services: proxy, DNS, ingress, storage.
func roles() []rbacv1.ClusterRole {
	read := []string{"get", "list", "watch"}
	return []rbacv1.ClusterRole{{
		ObjectMeta: metav1.ObjectMeta{Name: pki.NodeServicesUser},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"services", "pods", "nodes", "namespaces", "persistentvolumeclaims"}, Verbs: read},
			{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: read},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses", "ingressclasses"}, Verbs: read},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses/status"}, Verbs: []string{"update", "patch"}},
			{APIGroups: []string{"storage.k8s.io"}, Resources: []string{"storageclasses"}, Verbs: read},
			{APIGroups: []string{"batch"}, Resources: []string{"cronjobs"}, Verbs: read},
			{APIGroups: []string{""}, Resources: []string{"persistentvolumes"}, Verbs: append([]string{"create", "update", "patch", "delete"}, read...)},
			{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "update", "patch"}},
		},
	}}
}

func bindings() []rbacv1.ClusterRoleBinding {
	return []rbacv1.ClusterRoleBinding{
		binding(pki.NodeServicesUser, pki.NodeServicesUser),
		binding(pki.KubeletClientUser, "system:kubelet-api-admin"),
	}
}

func binding(user, role string) rbacv1.ClusterRoleBinding {
	return rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
	}
}

func storageClass() *storagev1.StorageClass {
	immediate := storagev1.VolumeBindingImmediate
	return &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        StorageClass,
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:       StorageProvisioner,
		VolumeBindingMode: &immediate,
	}
}

func ingressClass() *networkingv1.IngressClass {
	return &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        IngressClass,
			Annotations: map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"},
		},
		Spec: networkingv1.IngressClassSpec{Controller: ingressController},
	}
}
