package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/fault"
)

func TestNormalise(t *testing.T) {
	for reference, want := range map[string]string{
		"postgres":                               "postgres",
		"postgres:17":                            "postgres",
		"docker.io/library/postgres:17@sha256:a": "postgres",
		"library/redis":                          "redis",
		"index.docker.io/prom/prometheus:v3":     "prom/prometheus",
		"quay.io/argoproj/argo-rollouts:v1.10":   "quay.io/argoproj/argo-rollouts",
		"ghcr.io/pocctl/pocctl@sha256:abc":       "ghcr.io/pocctl/pocctl",
		"localhost:5000/shop":                    "localhost:5000/shop",
		"localhost:5000/shop:1":                  "localhost:5000/shop",
	} {
		if got := Normalise(reference); got != want {
			t.Errorf("Normalise(%q) = %q, want %q", reference, got, want)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("docker.io/library/postgres:17@sha256:a")
	f.Add(":::@@//")
	f.Fuzz(func(t *testing.T, reference string) {
		if strings.Contains(Normalise(reference), "@") {
			t.Errorf("Normalise(%q) kept a digest", reference)
		}
	})
}

func program(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResolveFindsByReferenceAndID(t *testing.T) {
	path := program(t, "one")
	catalogue := NewCatalogue(Image{Name: "ghcr.io/pocctl/pocctl", Program: path})
	entry, err := catalogue.Resolve("ghcr.io/pocctl/pocctl:1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if entry.Path != "/pocctl" || entry.User != DefaultUser || entry.Size != 3 {
		t.Errorf("Resolve gave %+v", entry)
	}
	byID, err := catalogue.Resolve(entry.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(entry, byID); diff != "" {
		t.Errorf("by ID it differs (-reference +ID):\n%s", diff)
	}
}

func TestIDChangesWithTheProgram(t *testing.T) {
	path := program(t, "one")
	catalogue := NewCatalogue(Image{Name: "shop", Program: path})
	before, err := catalogue.Resolve("shop")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	after, err := catalogue.Resolve("shop")
	if err != nil {
		t.Fatal(err)
	}
	if before.ID == after.ID {
		t.Error("the ID did not change with the program")
	}
}

func TestSetReplacesTheEnvironmentsImages(t *testing.T) {
	path := program(t, "one")
	catalogue := NewCatalogue(Image{Name: "postgres", Program: path})
	catalogue.Set(Image{Name: "docker.io/library/postgres:17", Program: path, Args: []string{"own"}}, Image{Name: "shop:1", Program: path})
	if diff := cmp.Diff([]string{"busybox", "postgres", "shop"}, catalogue.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	entry, err := catalogue.Resolve("postgres:17")
	if err != nil {
		t.Fatal(err)
	}
	if len(entry.Args) != 1 {
		t.Error("the environment's image does not win over the built-in one")
	}
	catalogue.Set()
	if _, err := catalogue.Resolve("shop"); err == nil {
		t.Error("an image that was taken away is still known")
	}
}

func TestPullOfAnUnknownImageAdvises(t *testing.T) {
	service := NewService(NewCatalogue(), t.TempDir())
	_, err := service.PullImage(t.Context(), &runtimeapi.ImageSpec{Image: "nginx:1.29"}, nil, nil)
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.ImageUnknown {
		t.Fatalf("PullImage gave %v", err)
	}
	for _, part := range []string{"nginx:1.29", "busybox", "images:", "nginx: {program:"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %q", err, part)
		}
	}
	status, err := service.ImageStatus(t.Context(), &runtimeapi.ImageSpec{Image: "nginx:1.29"}, false)
	if err != nil || status.GetImage() != nil {
		t.Errorf("ImageStatus of an unknown image gave %v, %v", status, err)
	}
}

func TestPullOfAMissingProgramSaysWhich(t *testing.T) {
	service := NewService(NewCatalogue(Image{Name: "shop", Program: "/nowhere/shop"}), t.TempDir())
	_, err := service.PullImage(t.Context(), &runtimeapi.ImageSpec{Image: "shop"}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "/nowhere/shop") {
		t.Errorf("PullImage gave %v", err)
	}
}

func TestServiceDescribesImages(t *testing.T) {
	service := NewService(NewCatalogue(Image{Name: "shop", Program: program(t, "one"), User: 1000}), t.TempDir())
	status, err := service.ImageStatus(t.Context(), &runtimeapi.ImageSpec{Image: "docker.io/library/shop:9"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if status.Image.Uid.Value != 1000 || status.Image.Spec.Image != "docker.io/library/shop:9" {
		t.Errorf("ImageStatus gave %v", status.Image)
	}
	images, err := service.ListImages(t.Context(), nil)
	if err != nil || len(images) != 2 {
		t.Errorf("ListImages gave %v, %v", images, err)
	}
	info, err := service.ImageFsInfo(t.Context())
	if err != nil || info.ImageFilesystems[0].UsedBytes.Value == 0 {
		t.Errorf("ImageFsInfo gave %v, %v", info, err)
	}
}

func TestFingerprintIsOfTheContent(t *testing.T) {
	path := program(t, "one")
	fingerprint := func(image Image) string {
		t.Helper()
		image.Program = path
		sum, err := image.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	before := fingerprint(Image{})
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if fingerprint(Image{}) != before {
		t.Error("another time changed the fingerprint")
	}
	if fingerprint(Image{Args: []string{"x"}}) == before || fingerprint(Image{Env: map[string]string{"A": "b"}}) == before {
		t.Error("other arguments or variables leave the fingerprint")
	}
	if err := os.WriteFile(path, []byte("two"), 0o755); err != nil {
		t.Fatal(err)
	}
	if fingerprint(Image{}) == before {
		t.Error("another program leaves the fingerprint")
	}
	if _, err := (Image{Name: "shop", Program: path + "-gone"}).Fingerprint(); fault.From(err).Code != fault.ProgramUnusable || !strings.Contains(err.Error(), "shop") {
		t.Errorf("without a program: %v", err)
	}
}
