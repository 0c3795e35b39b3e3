package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	// volumeMode: the node gives a new volume to the user of the pod that first
	// mounts it.
	volumeMode = 0o700
	passMode   = 0o711
)

// volumes are the directories. It is a controller.Provisioner.
type volumes struct {
	root      *os.Root
	directory string // of the root
	// others gives the name of another PersistentVolume at a path, or nothing.
	others func(ctx context.Context, path, name string) (string, error)

	mu sync.Mutex // a directory is made or removed, not both
}

var _ controller.Provisioner = (*volumes)(nil)

// Provision makes a claim's directory, or takes the one that is there: an earlier
// cluster's, kept.
func (v *volumes) Provision(ctx context.Context, options controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	if claim.Spec.Selector != nil || claim.Spec.DataSource != nil || claim.Spec.DataSourceRef != nil {
		return nil, controller.ProvisioningFinished, errors.New("local volumes take no selector and no data source")
	}
	below := filepath.Join(claim.Namespace, claim.Name)
	path := filepath.Join(v.directory, below)

	v.mu.Lock()
	defer v.mu.Unlock()
	// A claim of the same name may have been removed a moment ago. Its volume
	// must be gone first, or this claim's data would go with it.
	other, err := v.others(ctx, path, options.PVName)
	if err != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("list volumes: %w", err)
	}
	if other != "" {
		return nil, controller.ProvisioningFinished, fmt.Errorf("PersistentVolume %s still has %s; it must be removed first", other, path)
	}
	if err := v.make(claim.Namespace, below); err != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("make volume: %w", err)
	}
	return volume(options, path), controller.ProvisioningFinished, nil
}

func (v *volumes) make(namespace, below string) error {
	if err := v.root.Mkdir(namespace, passMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := v.root.Mkdir(below, volumeMode)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := v.root.Lstat(below)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no directory", filepath.Join(v.directory, below))
	}
	return err
}

func volume(options controller.ProvisionOptions, path string) *corev1.PersistentVolume {
	claim, class := options.PVC, options.StorageClass
	create := corev1.HostPathDirectoryOrCreate
	reclaim := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: reclaim,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &create},
			},
		},
	}
}

// Delete removes the directory of a volume. It removes nothing but the directory
// of the volume's claim, and follows no link.
func (v *volumes) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	claim, source := volume.Spec.ClaimRef, volume.Spec.HostPath
	if claim == nil || source == nil {
		return &controller.IgnoredError{Reason: "it is no local volume"}
	}
	below := filepath.Join(claim.Namespace, claim.Name)
	if source.Path != filepath.Join(v.directory, below) {
		return fmt.Errorf("remove volume: %s is not the directory of claim %s/%s", source.Path, claim.Namespace, claim.Name)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.root.RemoveAll(below); err != nil {
		return fmt.Errorf("remove volume: %w", err)
	}
	_ = v.root.Remove(claim.Namespace) // unless others are left in it
	return nil
}

// othersAt asks the API server itself: the informers may be behind.
func othersAt(client kubernetes.Interface) func(ctx context.Context, path, name string) (string, error) {
	return func(ctx context.Context, path, name string) (string, error) {
		list, err := client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", err
		}
		for _, volume := range list.Items {
			if source := volume.Spec.HostPath; source != nil && source.Path == path && volume.Name != name {
				return volume.Name, nil
			}
		}
		return "", nil
	}
}
