package deploy

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

const managedBy = "app.kubernetes.io/managed-by"

// EnsureNamespace makes the namespace unless it is there. An existing one is
// left as it is.
func (c *Client) EnsureNamespace(ctx context.Context, name string, labels map[string]string) error {
	namespaces := c.kubernetes.CoreV1().Namespaces()
	if _, err := namespaces.Get(ctx, name, metav1.GetOptions{}); err == nil {
		return nil
	}
	wanted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: ownLabels(labels)}}
	_, err := namespaces.Create(ctx, wanted, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return c.explain("make namespace "+name, &operation{client: &waitingClient{}}, Release{}, err)
	}
	return nil
}

// EnsureSecret makes sure that the Secret has every key of data, and gives what
// it holds. A key that is there is never overwritten.
func (c *Client) EnsureSecret(ctx context.Context, namespace, name string, data map[string]string) (map[string]string, error) {
	secrets := c.kubernetes.CoreV1().Secrets(namespace)
	var held map[string][]byte
	again := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	err := retry.OnError(retry.DefaultRetry, again, func() error {
		secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: ownLabels(nil)}}
			addMissing(secret, data)
			secret, err = secrets.Create(ctx, secret, metav1.CreateOptions{})
		} else if err == nil && addMissing(secret, data) {
			secret, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
		}
		if err == nil {
			held = secret.Data
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make secret %s/%s: %w", namespace, name, err)
	}
	values := make(map[string]string, len(held))
	for key, value := range held {
		values[key] = string(value)
	}
	return values, nil
}

func addMissing(secret *corev1.Secret, data map[string]string) bool {
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	changed := false
	for key, value := range data {
		if _, there := secret.Data[key]; !there {
			secret.Data[key] = []byte(value)
			changed = true
		}
	}
	return changed
}

// NewPassword gives 26 random letters and digits, 130 bits: fit for a URL as it is.
func NewPassword() string { return rand.Text() }

func ownLabels(more map[string]string) map[string]string {
	labels := map[string]string{managedBy: "pocctl"}
	maps.Copy(labels, more)
	return labels
}
