package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/pocctl/pocctl/internal/deploy/watch"
	"github.com/pocctl/pocctl/internal/fault"
)

// untilGone waits until none of the resources, which may be of any kind, is left.
func untilGone(ctx context.Context, resources kube.ResourceList, options watch.Options) error {
	left := append(kube.ResourceList{}, resources...)
	started := time.Now()
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(context.Context) (bool, error) {
		var remaining kube.ResourceList
		for _, info := range left {
			_, err := resource.NewHelper(info.Client, info.Mapping).Get(info.Namespace, info.Name)
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil && !isTransient(err) {
				return false, fmt.Errorf("read %s: %w", object(info), err)
			}
			remaining = append(remaining, info)
		}
		if len(remaining) > 0 && len(remaining) != len(left) && options.Progress != nil {
			options.Progress.Waiting("%s to be gone", names(remaining))
		}
		left = remaining
		return len(left) == 0, nil
	})
	if err == nil || !isContext(err) {
		return err
	}
	if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) || len(left) == 0 {
		return context.Cause(ctx)
	}
	first := object(left[0])
	return fault.New(fault.RolloutTimeout, "release", options.Subject,
		"waited", time.Since(started).Round(100*time.Millisecond),
		"detail", "still to be deleted: "+names(left),
		"next", fmt.Sprintf("kubectl --namespace %s describe %s", first.Namespace, first))
}

func names(resources kube.ResourceList) string {
	all := make([]string, 0, len(resources))
	for _, info := range resources {
		all = append(all, object(info).String())
	}
	return strings.Join(all, ", ")
}

// isTransient says that the API server may answer the next time.
func isTransient(err error) bool {
	return apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}
