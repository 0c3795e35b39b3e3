package deploy

import (
	"bytes"
	"fmt"

	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/resource"
)

// prune removes what failed revisions made and the present one does not have:
// Helm only looks at the last deployed revision, and would leave it for ever.
func (o *operation) prune(name, namespace string, before []*release.Release) error {
	var failed []*release.Release
	for _, revision := range before {
		if !isDeployed(revision) && revision.Info.Status != release.StatusSuperseded {
			failed = append(failed, revision)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	present, err := o.Releases.Last(name)
	if err != nil {
		return fmt.Errorf("read release %s: %w", name, err)
	}
	wanted, err := o.resources(present)
	if err != nil {
		return err
	}
	for _, revision := range failed {
		made, err := o.resources(revision)
		if err != nil {
			continue // of a kind that is gone: so is the resource
		}
		for _, info := range made.Difference(wanted) {
			if err := o.deleteOwn(info, name, namespace); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteOwn deletes a resource unless it belongs to someone else or is to be kept.
func (o *operation) deleteOwn(info *resource.Info, name, namespace string) error {
	live, err := resource.NewHelper(info.Client, info.Mapping).Get(info.Namespace, info.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", object(info), err)
	}
	accessor, err := meta.Accessor(live)
	if err != nil {
		return fmt.Errorf("read %s: %w", object(info), err)
	}
	notes := accessor.GetAnnotations()
	if notes["meta.helm.sh/release-name"] != name || notes["meta.helm.sh/release-namespace"] != namespace ||
		notes[kube.ResourcePolicyAnno] == kube.KeepPolicy {
		return nil
	}
	o.progress.Info("%s was left by a failed revision and is removed", object(info))
	if _, errs := o.client.Delete(kube.ResourceList{info}); len(errs) > 0 {
		return fmt.Errorf("remove %s: %w", object(info), errs[0])
	}
	return nil
}

// resources gives the resources of a stored revision.
func (o *operation) resources(r *release.Release) (kube.ResourceList, error) {
	list, err := o.client.Build(bytes.NewBufferString(r.Manifest), false)
	if err != nil {
		return nil, fmt.Errorf("read the manifest of release %s: %w", r.Name, err)
	}
	return list, nil
}
