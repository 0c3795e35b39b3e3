// Package manifest applies plain Kubernetes manifests, custom resource
// definitions first, by server-side apply.
package manifest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

const fieldManager = "pocctl"

// Options say how to apply.
type Options struct {
	Config *rest.Config
	// Namespace is for namespaced objects that name none.
	Namespace string
	// DryRun asks the API server to check everything and keep nothing.
	DryRun bool
}

// Parse reads YAML documents; empty ones are left out.
func Parse(documents []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(documents), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read manifest, document %d: %w", len(objects)+1, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetKind() == "" || object.GetAPIVersion() == "" || object.GetName() == "" {
			return nil, fmt.Errorf("read manifest, document %d: apiVersion, kind and metadata.name are needed", len(objects)+1)
		}
		objects = append(objects, object)
	}
}

// Apply brings the objects to the cluster: definitions first, then, once they
// are established, the rest in the given order. It takes over fields that
// others own. Applying again changes nothing.
func Apply(ctx context.Context, objects []*unstructured.Unstructured, options Options) error {
	config := rest.CopyConfig(options.Config)
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a Kubernetes client: %w", err)
	}
	discoverer, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("make a discovery client: %w", err)
	}
	a := &applier{client: client, options: options,
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discoverer))}

	definitions, others := split(objects)
	for _, definition := range definitions {
		if err := a.apply(ctx, definition); err != nil {
			return err
		}
	}
	if !options.DryRun {
		if err := a.established(ctx, definitions); err != nil {
			return err
		}
	}
	for _, object := range others {
		if err := a.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func split(objects []*unstructured.Unstructured) (definitions, others []*unstructured.Unstructured) {
	for _, object := range objects {
		if object.GetKind() == "CustomResourceDefinition" {
			definitions = append(definitions, object)
		} else {
			others = append(others, object)
		}
	}
	return definitions, others
}

type applier struct {
	client  dynamic.Interface
	mapper  meta.ResettableRESTMapper
	options Options
}

func (a *applier) apply(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return fmt.Errorf("apply %s: %w", name(object), err)
	}
	var to dynamic.ResourceInterface = a.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		namespace := object.GetNamespace()
		if namespace == "" {
			namespace = a.options.Namespace
		}
		if namespace == "" {
			namespace = metav1.NamespaceDefault
		}
		object = object.DeepCopy()
		object.SetNamespace(namespace)
		to = a.client.Resource(mapping.Resource).Namespace(namespace)
	}
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	if a.options.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	if _, err := to.Apply(ctx, object.GetName(), object, options); err != nil {
		return fmt.Errorf("apply %s: %w", name(object), err)
	}
	return nil
}

func name(object *unstructured.Unstructured) string {
	return strings.ToLower(object.GetKind()) + "/" + object.GetName()
}
