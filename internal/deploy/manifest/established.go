package manifest

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

func definitionsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
}

// established waits until the API server serves every definition's kind.
func (a *applier) established(ctx context.Context, definitions []*unstructured.Unstructured) error {
	client := a.client.Resource(definitionsResource())
	for _, definition := range definitions {
		only := fields.OneTermEqualSelector("metadata.name", definition.GetName()).String()
		source := &cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				options.FieldSelector = only
				return client.List(ctx, options)
			},
			WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
				options.FieldSelector = only
				return client.Watch(ctx, options)
			},
		}
		last := "no condition yet"
		_, err := watchtools.UntilWithSync(ctx, source, &unstructured.Unstructured{}, nil, func(event watch.Event) (bool, error) {
			object, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				return false, nil
			}
			served, state := isEstablished(object)
			last = state
			return served, nil
		})
		if err != nil {
			return fmt.Errorf("wait for %s to be established (%s): %w", name(definition), last, err)
		}
		if err := a.discovered(ctx, definition); err != nil {
			return err
		}
	}
	return nil
}

// discovered waits until discovery tells of the definition's kind, which may be
// a moment after it is established.
func (a *applier) discovered(ctx context.Context, definition *unstructured.Unstructured) error {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		a.mapper.Reset()
		_, err := a.mapper.RESTMapping(schema.GroupKind{Group: group, Kind: kind})
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s to be served: %w", name(definition), err)
	}
	return nil
}

// isEstablished also gives the condition that speaks against it.
func isEstablished(definition *unstructured.Unstructured) (bool, string) {
	conditions, _, _ := unstructured.NestedSlice(definition.Object, "status", "conditions")
	for _, each := range conditions {
		condition, ok := each.(map[string]any)
		if !ok {
			continue
		}
		kind, status := condition["type"], condition["status"]
		if kind == "Established" && status == "True" {
			return true, "established"
		}
		if kind == "NamesAccepted" && status == "False" {
			return false, fmt.Sprint(condition["message"])
		}
	}
	return false, "not established yet"
}
