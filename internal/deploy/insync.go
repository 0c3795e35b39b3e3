package deploy

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/pocctl/pocctl/internal/deploy/watch"
)

// InSync says whether the release is deployed from just this chart and these
// values, and all that it made is there and ready.
func (c *Client) InSync(ctx context.Context, r Release) (bool, error) {
	values, err := r.normalValues()
	if err != nil {
		return false, err
	}
	op, err := c.operation(ctx, c.namespace(r), r.Name, nil)
	if err != nil {
		return false, err
	}
	history, err := op.history(r.Name)
	if err != nil {
		return false, c.explain("read release "+r.Name, op, r, err)
	}
	if len(history) == 0 {
		return false, nil
	}
	last := history[len(history)-1]
	if !isDeployed(last) || last.Labels[digestLabel] != r.digest(values) {
		return false, nil
	}
	if same, err := r.fingerprinted(last.Manifest); !same || err != nil {
		return false, err
	}
	list, err := op.resources(last)
	if err != nil {
		return false, nil //nolint:nilerr // a kind of it is gone, so the release is not whole
	}
	var live []watch.Object
	for _, info := range list {
		if kind(info).Kind == "Job" {
			continue // it may be cleaned up once it has run
		}
		found, err := resource.NewHelper(info.Client, info.Mapping).Get(info.Namespace, info.Name)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, c.explain("read "+object(info).String(), op, r, err)
		}
		info.Object = found
		live = append(live, object(info))
	}
	states, err := watch.Now(ctx, c.kubernetes, c, live)
	if err != nil {
		return false, c.explain("read release "+r.Name, op, r, err)
	}
	for _, state := range states {
		if !state.Ready {
			return false, nil
		}
	}
	return true, nil
}

// States assesses the resources of a deployed release as they are now, for status.
func (c *Client) States(ctx context.Context, namespace, name string) ([]watch.State, error) {
	op, err := c.operation(ctx, namespace, name, nil)
	if err != nil {
		return nil, err
	}
	last, err := c.last(op, namespace, name)
	if err != nil {
		return nil, err
	}
	list, err := op.resources(last)
	if err != nil {
		return nil, err
	}
	return watch.Now(ctx, c.kubernetes, c, objects(list))
}
