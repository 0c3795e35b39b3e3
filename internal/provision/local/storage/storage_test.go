package storage

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// run starts the controller on a directory, with the class "standard".
func run(t *testing.T, directory string) kubernetes.Interface {
	t.Helper()
	policy := corev1.PersistentVolumeReclaimDelete
	client := fake.NewClientset(&storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: "standard"}, Provisioner: ProvisionerName, ReclaimPolicy: &policy,
	})
	ctx, cancel := context.WithCancel(context.Background())
	factory := informers.NewSharedInformerFactory(client, 0)
	c, err := New(ctx, Options{
		Client: client, Informers: factory, Directory: directory, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		factory.Shutdown()
	})
	return client
}

// claim is a claim the way the PersistentVolume controller hands it over.
func claim(name string, uid types.UID) *corev1.PersistentVolumeClaim {
	class := "standard"
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, UID: uid,
			Annotations: map[string]string{"volume.kubernetes.io/storage-provisioner": ProvisionerName},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

func create(t *testing.T, client kubernetes.Interface, claim *corev1.PersistentVolumeClaim) {
	t.Helper()
	if _, err := client.CoreV1().PersistentVolumeClaims(claim.Namespace).Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, client kubernetes.Interface, name string) *corev1.PersistentVolume {
	t.Helper()
	var volume *corev1.PersistentVolume
	eventually(t, "volume "+name+" is there", func() bool {
		var err error
		volume, err = client.CoreV1().PersistentVolumes().Get(t.Context(), name, metav1.GetOptions{})
		return err == nil
	})
	return volume
}

// leave removes the claim, as a user would, and its volume becomes Released.
func leave(t *testing.T, client kubernetes.Interface, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) {
	t.Helper()
	if err := client.CoreV1().PersistentVolumeClaims(claim.Namespace).Delete(t.Context(), claim.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	released := volume.DeepCopy()
	released.Status.Phase = corev1.VolumeReleased
	if _, err := client.CoreV1().PersistentVolumes().Update(t.Context(), released, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("waited 20s until %s", what)
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func TestVolumeFromClaimToEnd(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "data", "volumes")
	client := run(t, directory)
	data := claim("data-postgres-0", "1")
	create(t, client, data)
	volume := await(t, client, "pvc-1")

	path := filepath.Join(directory, "shop", "data-postgres-0")
	if volume.Spec.HostPath == nil || volume.Spec.HostPath.Path != path || *volume.Spec.HostPath.Type != corev1.HostPathDirectoryOrCreate {
		t.Errorf("source %+v", volume.Spec.PersistentVolumeSource)
	}
	if size := volume.Spec.Capacity[corev1.ResourceStorage]; size.String() != "1Gi" {
		t.Errorf("size %v", size)
	}
	if volume.Spec.ClaimRef.UID != "1" || volume.Spec.StorageClassName != "standard" ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		t.Errorf("volume %+v", volume.Spec)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != volumeMode {
		t.Errorf("directory %v, %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(path, "row"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}

	leave(t, client, data, volume)
	eventually(t, "the directory and its parent are gone", func() bool { return missing(filepath.Dir(path)) })
	eventually(t, "the volume is gone", func() bool {
		_, err := client.CoreV1().PersistentVolumes().Get(t.Context(), "pvc-1", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	if missing(directory) {
		t.Error("the directory of all volumes is gone")
	}
}

func TestKeptDataIsFoundByANewCluster(t *testing.T) {
	directory := t.TempDir()
	kept := filepath.Join(directory, "shop", "data", "row")
	if err := errors.Join(os.MkdirAll(filepath.Dir(kept), 0o700), os.WriteFile(kept, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	client := run(t, directory)
	create(t, client, claim("data", "2"))
	await(t, client, "pvc-2")
	if content, err := os.ReadFile(kept); err != nil || string(content) != "x" {
		t.Errorf("kept %q, %v", content, err)
	}
}

// A claim that is made again at once gets a directory of its own, and keeps it.
func TestClaimMadeAgainAtOnce(t *testing.T) {
	directory := t.TempDir()
	client := run(t, directory)
	first := claim("data", "1")
	create(t, client, first)
	volume := await(t, client, "pvc-1")
	old := filepath.Join(volume.Spec.HostPath.Path, "old")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().PersistentVolumeClaims("shop").Delete(t.Context(), "data", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	second := claim("data", "2")
	create(t, client, second)
	eventually(t, "an event tells why the new claim waits", func() bool {
		events, err := client.CoreV1().Events("shop").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events.Items {
			if strings.Contains(event.Message, "PersistentVolume pvc-1 still has") {
				return true
			}
		}
		return false
	})
	if missing(old) {
		t.Error("the first claim's data is gone before its volume was released")
	}
	released := volume.DeepCopy()
	released.Status.Phase = corev1.VolumeReleased
	if _, err := client.CoreV1().PersistentVolumes().Update(t.Context(), released, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	again := await(t, client, "pvc-2")
	if missing(again.Spec.HostPath.Path) || !missing(old) {
		t.Errorf("new directory missing: %v, old data gone: %v", missing(again.Spec.HostPath.Path), missing(old))
	}
}

// direct gives the volumes alone.
func direct(t *testing.T, directory string) *volumes {
	t.Helper()
	root, err := os.OpenRoot(directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return &volumes{root: root, directory: directory, others: func(context.Context, string, string) (string, error) { return "", nil }}
}

func at(namespace, name, path string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{
		ClaimRef:               &corev1.ObjectReference{Namespace: namespace, Name: name},
		PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path}},
	}}
}

func TestDeleteNeverLeavesTheDirectory(t *testing.T) {
	outside := t.TempDir()
	precious := filepath.Join(outside, "data", "precious")
	tests := []struct {
		name    string
		prepare func(t *testing.T, directory string)
		volume  func(directory string) *corev1.PersistentVolume
		fails   bool
	}{
		{name: "a path elsewhere", fails: true,
			volume: func(string) *corev1.PersistentVolume { return at("shop", "data", filepath.Join(outside, "data")) }},
		{name: "another claim's path", fails: true,
			volume: func(directory string) *corev1.PersistentVolume {
				return at("shop", "data", filepath.Join(directory, "other", "data"))
			}},
		{name: "names that climb", fails: true,
			volume: func(directory string) *corev1.PersistentVolume {
				up, _ := filepath.Rel(directory, outside)
				return at(up, "data", filepath.Join(directory, up, "data"))
			}},
		{name: "a volume that is a link",
			prepare: func(t *testing.T, directory string) {
				if err := errors.Join(os.Mkdir(filepath.Join(directory, "shop"), 0o700),
					os.Symlink(filepath.Join(outside, "data"), filepath.Join(directory, "shop", "data"))); err != nil {
					t.Fatal(err)
				}
			},
			volume: func(directory string) *corev1.PersistentVolume {
				return at("shop", "data", filepath.Join(directory, "shop", "data"))
			}},
		{name: "a namespace that is a link", fails: true,
			prepare: func(t *testing.T, directory string) {
				if err := os.Symlink(outside, filepath.Join(directory, "shop")); err != nil {
					t.Fatal(err)
				}
			},
			volume: func(directory string) *corev1.PersistentVolume {
				return at("shop", "data", filepath.Join(directory, "shop", "data"))
			}},
		{name: "a link within the volume",
			prepare: func(t *testing.T, directory string) {
				inside := filepath.Join(directory, "shop", "data")
				if err := errors.Join(os.MkdirAll(inside, 0o700), os.Symlink(outside, filepath.Join(inside, "link"))); err != nil {
					t.Fatal(err)
				}
			},
			volume: func(directory string) *corev1.PersistentVolume {
				return at("shop", "data", filepath.Join(directory, "shop", "data"))
			}},
		{name: "a volume that is gone already",
			volume: func(directory string) *corev1.PersistentVolume {
				return at("shop", "data", filepath.Join(directory, "shop", "data"))
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := errors.Join(os.MkdirAll(filepath.Dir(precious), 0o700), os.WriteFile(precious, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			directory := t.TempDir()
			if test.prepare != nil {
				test.prepare(t, directory)
			}
			err := direct(t, directory).Delete(t.Context(), test.volume(directory))
			if (err != nil) != test.fails {
				t.Errorf("error %v, want one: %v", err, test.fails)
			}
			if missing(precious) {
				t.Error("data outside is gone")
			}
		})
	}
}

func TestProvisionRefuses(t *testing.T) {
	directory := t.TempDir()
	linked := claim("linked", "1")
	if err := errors.Join(os.Mkdir(filepath.Join(directory, "shop"), 0o700),
		os.Symlink(t.TempDir(), filepath.Join(directory, "shop", "linked"))); err != nil {
		t.Fatal(err)
	}
	selecting := claim("data", "2")
	selecting.Spec.Selector = &metav1.LabelSelector{}
	for want, claim := range map[string]*corev1.PersistentVolumeClaim{
		"is no directory": linked, "no selector": selecting,
	} {
		_, _, err := direct(t, directory).Provision(t.Context(), controller.ProvisionOptions{
			PVC: claim, PVName: "x", StorageClass: &storagev1.StorageClass{},
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
