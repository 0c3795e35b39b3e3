package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// digestAnnotation tells what a definition was made of.
const digestAnnotation = "pocctl.dev/digest"

// Digest sums a document up.
func Digest(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:20])
}

// Mark notes on objects what they were made of, for Marked.
func Mark(objects []*unstructured.Unstructured, digest string) {
	for _, object := range objects {
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[digestAnnotation] = digest
		object.SetAnnotations(annotations)
	}
}

// Marked gives the digests that the cluster's definitions were made of.
func Marked(ctx context.Context, config *rest.Config) (map[string]bool, error) {
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a Kubernetes client: %w", err)
	}
	found, err := client.Resource(definitionsResource()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	digests := map[string]bool{}
	for i := range found.Items {
		if digest := found.Items[i].Annotations[digestAnnotation]; digest != "" {
			digests[digest] = true
		}
	}
	return digests, nil
}
