package image

import "strings"

// Normalise gives the name under which an image is looked up: without tag,
// digest, and Docker Hub's implied registry and library.
func Normalise(reference string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(reference), "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	for _, registry := range []string{"docker.io/", "index.docker.io/", "registry-1.docker.io/"} {
		name = strings.TrimPrefix(name, registry)
	}
	return strings.TrimPrefix(name, "library/")
}
