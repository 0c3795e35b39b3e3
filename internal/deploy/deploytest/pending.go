package deploytest

import (
	"testing"

	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// setStatus rewrites the last stored revision's status.
func (b *bench) setStatus(t *testing.T, status string) {
	t.Helper()
	store := storage.Init(driver.NewSecrets(b.Kubernetes().CoreV1().Secrets(b.release.Namespace)))
	last, err := store.Last(b.release.Name)
	if err != nil {
		t.Fatal(err)
	}
	last.SetStatus(release.Status(status), "set by the test")
	if err := store.Update(last); err != nil {
		t.Fatal(err)
	}
}
