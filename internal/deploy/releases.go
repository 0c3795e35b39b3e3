package deploy

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pocctl/pocctl/internal/fault"
)

// Revision is one stored revision of a release.
type Revision struct {
	Release     string    `json:"release"`
	Namespace   string    `json:"namespace"`
	Revision    int       `json:"revision"`
	Status      string    `json:"status"` // "deployed", "failed", "superseded", …
	Chart       string    `json:"chart"`  // "backend-0.1.0"
	AppVersion  string    `json:"appVersion"`
	Updated     time.Time `json:"updated"`
	Description string    `json:"description"`
}

// List gives the last revision of every release of a namespace, by name; an
// empty namespace means all.
func (c *Client) List(ctx context.Context, namespace string) ([]Revision, error) {
	op, err := c.operation(ctx, namespace, "", nil)
	if err != nil {
		return nil, err
	}
	list := action.NewList(op.Configuration)
	list.All, list.AllNamespaces = true, namespace == ""
	list.StateMask = action.ListAll
	found, err := list.Run()
	if err != nil {
		return nil, c.explain("list releases", op, Release{}, err)
	}
	all := make([]Revision, 0, len(found))
	for _, one := range found {
		all = append(all, revision(one))
	}
	slices.SortFunc(all, func(a, b Revision) int {
		return strings.Compare(a.Namespace+"/"+a.Release, b.Namespace+"/"+b.Release)
	})
	return all, nil
}

// History gives the stored revisions of a release, oldest first; none is no error.
func (c *Client) History(ctx context.Context, namespace, name string) ([]Revision, error) {
	op, err := c.operation(ctx, namespace, name, nil)
	if err != nil {
		return nil, err
	}
	found, err := op.history(name)
	if err != nil {
		return nil, c.explain("read release "+name, op, Release{}, err)
	}
	all := make([]Revision, 0, len(found))
	for _, one := range found {
		all = append(all, revision(one))
	}
	return all, nil
}

// Rollback goes back to a revision (0: the last one that was deployed before
// the present one) and waits until it is ready. Run it under a context that an
// interrupt has not ended. Errors are as Upsert's, and ReleaseUnknown.
func (c *Client) Rollback(ctx context.Context, r Release, to int, progress Progress) error {
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	op, err := c.operation(ctx, c.namespace(r), r.Name, progress)
	if err != nil {
		return err
	}
	history, err := op.mend(r.Name)
	if err != nil {
		return c.explain("mend release "+r.Name, op, r, err)
	}
	if len(history) == 0 {
		return fault.New(fault.ReleaseUnknown, "release", r.Name, "namespace", c.namespace(r))
	}
	if to == 0 {
		to = earlier(history)
	}
	if !slices.ContainsFunc(history, func(one *release.Release) bool { return one.Version == to }) {
		return fault.New(fault.RevisionUnknown, "release", r.Name, "known", versions(history))
	}
	rollback := action.NewRollback(op.Configuration)
	rollback.Version, rollback.MaxHistory = to, c.options.History
	rollback.Wait, rollback.WaitForJobs, rollback.Timeout = true, true, forever
	if err := rollback.Run(r.Name); err != nil {
		return c.explain("roll back release "+r.Name, op, Release{Name: r.Name}, errors.Join(err, op.failPending(r.Name, err)))
	}
	return nil
}

// earlier finds the revision to go back to: the deployed one if a later one
// failed, otherwise the one before it that had been deployed; 0 if there is none.
func earlier(history []*release.Release) int {
	last := history[len(history)-1]
	for _, one := range slices.Backward(history) {
		if isDeployed(one) && one.Version != last.Version {
			return one.Version
		}
	}
	for _, one := range slices.Backward(history[:len(history)-1]) {
		if one.Info.Status == release.StatusSuperseded {
			return one.Version
		}
	}
	return 0
}

func versions(history []*release.Release) string {
	var numbers []string
	for _, one := range history {
		numbers = append(numbers, strconv.Itoa(one.Version))
	}
	return strings.Join(numbers, ", ")
}

// Uninstall removes a release and waits until everything of it is gone. With
// volumes, the claims of its StatefulSets go too, and their data with them. A
// release that is not there is no error.
func (c *Client) Uninstall(ctx context.Context, r Release, volumes bool, progress Progress) error {
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	namespace := c.namespace(r)
	op, err := c.operation(ctx, namespace, r.Name, progress)
	if err != nil {
		return err
	}
	history, err := op.history(r.Name)
	if err == nil && len(history) > 0 {
		err = op.uninstall(r.Name)
	}
	if err != nil {
		return c.explain("remove release "+r.Name, op, r, err)
	}
	if !volumes {
		return nil
	}
	claims := c.kubernetes.CoreV1().PersistentVolumeClaims(namespace)
	selector := metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + r.Name}
	if err := claims.DeleteCollection(ctx, metav1.DeleteOptions{}, selector); err != nil {
		return c.explain("remove the volumes of release "+r.Name, op, r, err)
	}
	return nil
}

// uninstall deletes in the foreground, so that an owner is gone only when its
// pods are; hooks' Jobs, which Helm leaves, go too.
func (o *operation) uninstall(name string) error {
	last, err := o.Releases.Last(name)
	if err != nil {
		return err
	}
	uninstall := action.NewUninstall(o.Configuration)
	uninstall.DeletionPropagation = "foreground"
	uninstall.Wait, uninstall.Timeout, uninstall.IgnoreNotFound = true, forever, true
	if _, err := uninstall.Run(name); err != nil {
		return err
	}
	var hooks kube.ResourceList
	for _, hook := range last.Hooks {
		made, err := o.resources(&release.Release{Name: name, Manifest: hook.Manifest})
		if err != nil {
			return err
		}
		hooks = append(hooks, made...)
	}
	if len(hooks) == 0 {
		return nil
	}
	if _, errs := o.client.DeleteWithPropagationPolicy(hooks, metav1.DeletePropagationForeground); len(errs) > 0 {
		return errors.Join(errs...)
	}
	return o.client.WaitForDelete(hooks, forever)
}

// Test runs the release's test hooks (`helm test`).
func (c *Client) Test(ctx context.Context, r Release, progress Progress) error {
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	op, err := c.operation(ctx, c.namespace(r), r.Name, progress)
	if err != nil {
		return err
	}
	if _, err := c.last(op, c.namespace(r), r.Name); err != nil {
		return err
	}
	test := action.NewReleaseTesting(op.Configuration)
	test.Namespace, test.Timeout = c.namespace(r), forever
	if _, err := test.Run(r.Name); err != nil {
		return c.explain("test release "+r.Name, op, Release{Name: r.Name}, err)
	}
	return nil
}

func (c *Client) last(op *operation, namespace, name string) (*release.Release, error) {
	history, err := op.history(name)
	if err != nil {
		return nil, c.explain("read release "+name, op, Release{}, err)
	}
	if len(history) == 0 {
		return nil, fault.New(fault.ReleaseUnknown, "release", name, "namespace", namespace)
	}
	return history[len(history)-1], nil
}

func revision(r *release.Release) Revision {
	return Revision{
		Release:     r.Name,
		Namespace:   r.Namespace,
		Revision:    r.Version,
		Status:      r.Info.Status.String(),
		Chart:       r.Chart.Metadata.Name + "-" + r.Chart.Metadata.Version,
		AppVersion:  r.Chart.AppVersion(),
		Updated:     r.Info.LastDeployed.Time,
		Description: r.Info.Description,
	}
}
