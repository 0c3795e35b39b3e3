//go:build linux && !slim

package kubernetes

import (
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/hostpath"
	"k8s.io/kubernetes/pkg/volume/projected"
	"k8s.io/kubernetes/pkg/volume/secret"
)

func volumePlugins() []volume.VolumePlugin {
	return slices.Concat(
		emptydir.ProbeVolumePlugins(),
		configmap.ProbeVolumePlugins(),
		withoutOwner(secret.ProbeVolumePlugins()),
		withoutOwner(downwardapi.ProbeVolumePlugins()),
		withoutOwner(projected.ProbeVolumePlugins()),
		hostpath.ProbeVolumePlugins(volume.VolumeConfig{}),
	)
}

// withoutOwner changes the plugins that give files to a pod's user, where the
// node is an ordinary user who cannot.
func withoutOwner(plugins []volume.VolumePlugin) []volume.VolumePlugin {
	if os.Geteuid() != 0 {
		for i, plugin := range plugins {
			plugins[i] = ownerless{plugin}
		}
	}
	return plugins
}

// ownerless leaves the files to the node's own user, of whom the pod's is a view.
type ownerless struct{ volume.VolumePlugin }

// NewMounter is the plugin's, for no user in particular.
func (o ownerless) NewMounter(spec *volume.Spec, pod *corev1.Pod) (volume.Mounter, error) {
	mounter, err := o.VolumePlugin.NewMounter(spec, pod)
	if err != nil {
		return nil, err
	}
	return ownerlessMounter{mounter}, nil
}

type ownerlessMounter struct{ volume.Mounter }

// SetUp fills the volume.
func (m ownerlessMounter) SetUp(args volume.MounterArgs) error {
	args.FsUser = nil
	return m.Mounter.SetUp(args)
}

// SetUpAt is SetUp in a directory.
func (m ownerlessMounter) SetUpAt(directory string, args volume.MounterArgs) error {
	args.FsUser = nil
	return m.Mounter.SetUpAt(directory, args)
}
