package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// digestLabel marks a stored revision with what it was made of.
const digestLabel = "pocctl-digest"

// Upsert installs or upgrades a release and waits until all of it is ready. A
// failed one is left as it is, open to inspection. A revision that an
// interrupted run left pending is mended first.
//
// Errors: ValuesInvalid, ChartInvalid, ResourceRefused, RolloutFailed,
// RolloutTimeout, ClusterUnreachable, or ctx's own.
func (c *Client) Upsert(ctx context.Context, r Release, progress Progress) error {
	values, err := r.normalValues()
	if err != nil {
		return err
	}
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	namespace := c.namespace(r)
	if err := c.EnsureNamespace(ctx, namespace, nil); err != nil {
		return err
	}
	op, err := c.operation(ctx, namespace, r.Name, progress)
	if err != nil {
		return err
	}
	history, err := op.mend(r.Name)
	if err != nil {
		return c.explain("mend release "+r.Name, op, r, err)
	}
	if slices.ContainsFunc(history, isDeployed) {
		err = op.upgrade(c, r, namespace, values)
	} else {
		err = op.install(r, namespace, values, len(history) > 0)
	}
	if err != nil {
		return c.explain("deploy release "+r.Name, op, r, errors.Join(err, op.failPending(r.Name, err)))
	}
	return op.prune(r.Name, namespace, history)
}

func (o *operation) install(r Release, namespace string, values map[string]any, again bool) error {
	install := action.NewInstall(o.Configuration)
	install.ReleaseName, install.Namespace = r.Name, namespace
	install.Labels = map[string]string{digestLabel: r.digest(values)}
	install.Replace = again
	install.PostRenderer = r.postRenderer()
	install.Wait, install.WaitForJobs, install.Timeout = true, true, forever
	_, err := install.Run(r.Chart, values)
	return err
}

func (o *operation) upgrade(c *Client, r Release, namespace string, values map[string]any) error {
	upgrade := action.NewUpgrade(o.Configuration)
	upgrade.Namespace = namespace
	upgrade.Labels = map[string]string{digestLabel: r.digest(values)}
	upgrade.PostRenderer = r.postRenderer()
	upgrade.ResetValues = true // the environment's file is the whole truth
	upgrade.MaxHistory = c.options.History
	upgrade.Wait, upgrade.WaitForJobs, upgrade.Timeout = true, true, forever
	_, err := upgrade.Run(r.Name, r.Chart, values)
	return err
}

// mend deals with what an interrupted run left: it finishes a removal, and
// marks a pending revision as failed, so that the release can move on. It gives
// the history, oldest first; empty when there is no release.
func (o *operation) mend(name string) ([]*release.Release, error) {
	history, err := o.history(name)
	if err != nil || len(history) == 0 {
		return nil, err
	}
	last := history[len(history)-1]
	switch status := last.Info.Status; {
	case status == release.StatusUninstalling || status == release.StatusUninstalled:
		o.progress.Info("release %s was being removed; finishing that first", name)
		return nil, o.uninstall(name)
	case status.IsPending():
		o.progress.Info("revision %d of release %s was interrupted (%s); taking it up again", last.Version, name, status)
		last.SetStatus(release.StatusFailed, "interrupted while "+status.String())
		if err := o.Releases.Update(last); err != nil {
			return nil, fmt.Errorf("mark revision %d of release %s as failed: %w", last.Version, name, err)
		}
	}
	return history, nil
}

// failPending makes sure that a failed action leaves no pending revision: Helm
// forgets it on some paths, a rollback's hooks among them.
func (o *operation) failPending(name string, cause error) error {
	last, err := o.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) || err == nil && !last.Info.Status.IsPending() {
		return nil
	}
	if err == nil {
		last.SetStatus(release.StatusFailed, cause.Error())
		err = o.Releases.Update(last)
	}
	if err != nil {
		return fmt.Errorf("mark release %s as failed: %w", name, err)
	}
	return nil
}

// history gives the stored revisions, oldest first; none is no error.
func (o *operation) history(name string) ([]*release.Release, error) {
	if err := o.client.IsReachable(); err != nil {
		return nil, err
	}
	history, err := o.Releases.History(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history of release %s: %w", name, err)
	}
	slices.SortFunc(history, func(a, b *release.Release) int { return a.Version - b.Version })
	return history, nil
}

func isDeployed(r *release.Release) bool { return r.Info.Status == release.StatusDeployed }

// digest sums up what a revision is made of: the chart's files and the values.
func (r Release) digest(values map[string]any) string {
	sum := sha256.New()
	files := slices.Clone(r.Chart.Raw)
	slices.SortFunc(files, func(a, b *chartFile) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	for _, file := range files {
		fmt.Fprintf(sum, "%s %d\n", file.Name, len(file.Data))
		sum.Write(file.Data)
	}
	// Encoding sorts the keys; the values came out of YAML, so it cannot fail.
	encoded, _ := json.Marshal(values)
	sum.Write(encoded)
	return hex.EncodeToString(sum.Sum(nil))[:40]
}
