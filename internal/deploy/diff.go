package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/resource"
)

// The actions of a Change.
const (
	Add    = "add"
	Alter  = "change"
	Remove = "remove"
)

// Change is one resource that a deployment would touch.
type Change struct {
	Action    string `json:"action"`   // Add, Alter or Remove
	Resource  string `json:"resource"` // "deployment/backend"
	Namespace string `json:"namespace,omitempty"`
	// Note says why, where the diff does not: "missing in the cluster".
	Note string `json:"note,omitempty"`
	// Diff is a unified diff of the manifests; values of Secrets are hidden.
	Diff string `json:"diff,omitempty"`
}

// Diff is what deploying a release would do.
type Diff struct {
	Release   string `json:"release"`
	Namespace string `json:"namespace"`
	// Revision is the one deployed now; 0 when there is none.
	Revision int      `json:"revision"`
	Changes  []Change `json:"changes"`
	// Later says that it cannot be told yet: its values wait for what Terraform puts out.
	Later bool `json:"later,omitempty"`
}

// Diff compares the release as it should be with what is deployed, and looks
// whether that is still there. It changes nothing.
func (c *Client) Diff(ctx context.Context, r Release) (*Diff, error) {
	values, err := r.normalValues()
	if err != nil {
		return nil, err
	}
	namespace := c.namespace(r)
	op, err := c.operation(ctx, namespace, r.Name, nil)
	if err != nil {
		return nil, err
	}
	history, err := op.history(r.Name)
	if err != nil {
		return nil, c.explain("read release "+r.Name, op, r, err)
	}
	deployed := present(history)
	wanted, err := op.render(r, namespace, values, deployed != nil)
	if err != nil {
		return nil, c.explain("render release "+r.Name, op, r, err)
	}
	diff := &Diff{Release: r.Name, Namespace: namespace}
	if deployed != nil {
		diff.Revision = deployed.Version
	}
	diff.Changes = compare(parts(deployed), parts(wanted))
	missing, err := op.missing(deployed)
	if err != nil {
		return nil, c.explain("read release "+r.Name, op, r, err)
	}
	diff.Changes = mention(diff.Changes, missing)
	return diff, nil
}

// DiffNew is the Diff of a release on a cluster that is not there yet.
func DiffNew(r Release) (*Diff, error) {
	rendered, err := Render(r)
	if err != nil {
		return nil, err
	}
	wanted := &release.Release{Manifest: rendered.Manifest}
	for _, hook := range rendered.Hooks {
		wanted.Hooks = append(wanted.Hooks, &release.Hook{Manifest: hook})
	}
	return &Diff{Release: r.Name, Namespace: r.Namespace, Changes: compare(nil, parts(wanted))}, nil
}

// render asks Helm for the manifests with the cluster's capabilities.
func (o *operation) render(r Release, namespace string, values map[string]any, upgrade bool) (*release.Release, error) {
	install := action.NewInstall(o.Configuration)
	install.ReleaseName, install.Namespace = r.Name, namespace
	install.DryRun, install.DryRunOption = true, "server"
	install.PostRenderer = r.postRenderer()
	install.IsUpgrade, install.DisableOpenAPIValidation = upgrade, true
	return install.Run(r.Chart, values)
}

// missing names the resources of the deployed revision that are gone.
func (o *operation) missing(deployed *release.Release) ([]Change, error) {
	if deployed == nil {
		return nil, nil
	}
	list, err := o.resources(deployed)
	if err != nil {
		return nil, err
	}
	var gone []Change
	for _, info := range list {
		_, err := resource.NewHelper(info.Client, info.Mapping).Get(info.Namespace, info.Name)
		if apierrors.IsNotFound(err) && kind(info).Kind != "Job" {
			gone = append(gone, Change{Action: Add, Resource: object(info).String(), Namespace: info.Namespace, Note: "missing in the cluster"})
		} else if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("read %s: %w", object(info), err)
		}
	}
	return gone, nil
}

// mention adds what is missing, unless a change says something of it already.
func mention(changes, missing []Change) []Change {
	for _, gone := range missing {
		i := slices.IndexFunc(changes, func(c Change) bool { return c.Resource == gone.Resource && c.Namespace == gone.Namespace })
		switch {
		case i < 0:
			changes = append(changes, gone)
		case changes[i].Action == Alter:
			changes[i].Action, changes[i].Note = Add, gone.Note
		}
	}
	return changes
}

// present gives the deployed revision, or the newest one if none is.
func present(history []*release.Release) *release.Release {
	for _, one := range slices.Backward(history) {
		if isDeployed(one) {
			return one
		}
	}
	return nil
}

func compare(before, after []part) []Change {
	changes := []Change{}
	for _, new := range after {
		i := slices.IndexFunc(before, new.same)
		switch {
		case i < 0:
			changes = append(changes, new.change(Add, "", new.text))
		case before[i].digest != new.digest:
			changes = append(changes, new.change(Alter, before[i].text, new.text))
		}
	}
	for _, old := range before {
		if !slices.ContainsFunc(after, old.same) {
			changes = append(changes, old.change(Remove, old.text, ""))
		}
	}
	return changes
}

func (p part) change(what, before, after string) Change {
	text, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{ // writing to a string cannot fail
		A: difflib.SplitLines(before), B: difflib.SplitLines(after), Context: 3,
	})
	change := Change{Action: what, Resource: strings.ToLower(p.kind) + "/" + p.name, Namespace: p.namespace, Diff: text}
	if text == "" {
		change.Note = "hidden values differ"
	}
	return change
}
