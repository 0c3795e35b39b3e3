// Package remote fetches Helm charts from repositories, once, and makes sure that they
// are what was wanted.
package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/pocctl/pocctl/internal/fault"
)

// Source is a chart in a repository.
type Source struct {
	Chart string // "kyverno"
	// Repository is the repository's URL: "https://…", or "oci://…" without the chart.
	Repository string
	Version    string // the exact one
	// Digest is the archive's, "sha256:" and 64 hex digits; empty takes the one that the
	// repository tells.
	Digest string
}

const (
	// timeout ends the fetch of one file.
	timeout = 2 * time.Minute
	// largest is the most bytes that an index or a chart may have.
	largest = 64 << 20
)

// Fetch gives the path of the chart's archive in directory, and fetches it if it is not
// there. Errors are fault.ChartUnavailable and fault.ChartAltered.
func Fetch(ctx context.Context, source Source, directory string) (string, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", fmt.Errorf("make the directory for charts: %w", err)
	}
	path := filepath.Join(directory, source.file())
	kept, err := os.ReadFile(path)
	if err == nil && digest(kept) == source.known(path) {
		return path, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the chart %s: %w", source.Chart, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	fetch := source.fromIndex
	if registry.IsOCI(source.Repository) {
		fetch = source.fromRegistry
	}
	data, told, err := fetch(ctx, directory)
	if err != nil {
		return "", fault.New(fault.ChartUnavailable, "chart", source.Chart, "version", source.Version, "repository", source.Repository, "detail", plain(err))
	}
	got := digest(data)
	wanted := source.Digest
	if wanted == "" {
		wanted = told
	}
	if wanted != "" && got != wanted {
		return "", fault.New(fault.ChartAltered, "chart", source.Chart, "version", source.Version, "repository", source.Repository, "digest", got, "wanted", wanted)
	}
	for file, content := range map[string][]byte{path: data, path + ".digest": []byte(got)} {
		if err := write(file, content); err != nil {
			return "", fmt.Errorf("keep the chart %s: %w", source.Chart, err)
		}
	}
	return path, nil
}

// Kept gives the path of the archive that was fetched. Without one, or with another
// digest than the wanted, the error is a fault.ChartUnavailable.
func Kept(source Source, directory string) (string, error) {
	path := filepath.Join(directory, source.file())
	kept, err := os.ReadFile(path)
	if err == nil && digest(kept) != source.known(path) {
		err = errors.New("what was fetched is not what is wanted")
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("it has not been fetched")
	}
	if err != nil {
		return "", fault.New(fault.ChartUnavailable, "chart", source.Chart, "version", source.Version, "repository", source.Repository, "detail", err)
	}
	return path, nil
}

// file is where the archive is kept: charts of one name may come from two repositories.
func (s Source) file() string {
	from := sha256.Sum256([]byte(s.Repository))
	return fmt.Sprintf("%s-%s-%s.tgz", s.Chart, s.Version, hex.EncodeToString(from[:])[:8])
}

// known is the digest that the archive at path has to have: the wanted one, or that
// which it had when it came.
func (s Source) known(path string) string {
	if s.Digest != "" {
		return s.Digest
	}
	text, err := os.ReadFile(path + ".digest")
	if err != nil {
		return ""
	}
	return string(text)
}

// fromIndex fetches from a repository with an index.yaml.
func (s Source) fromIndex(ctx context.Context, directory string) (data []byte, told string, err error) {
	base := strings.TrimSuffix(s.Repository, "/") + "/"
	text, err := get(ctx, base+"index.yaml")
	if err != nil {
		return nil, "", err
	}
	file, err := os.CreateTemp(directory, "index-*.yaml")
	if err != nil {
		return nil, "", err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(text)
	err = errors.Join(err, file.Close())
	if err != nil {
		return nil, "", err
	}
	index, err := repo.LoadIndexFile(file.Name())
	if err != nil {
		return nil, "", fmt.Errorf("its index does not read: %w", err)
	}
	entry, err := index.Get(s.Chart, s.Version)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("its index has no such chart: %w", err)
	case entry.Version != s.Version || len(entry.URLs) == 0:
		return nil, "", fmt.Errorf("its index has version %s instead, with %d addresses", entry.Version, len(entry.URLs))
	}
	address, err := repo.ResolveReferenceURL(base, entry.URLs[0])
	if err != nil {
		return nil, "", fmt.Errorf("its index gives no address: %w", err)
	}
	if entry.Digest != "" {
		told = "sha256:" + strings.TrimPrefix(entry.Digest, "sha256:")
	}
	if registry.IsOCI(address) {
		data, _, err = pull(address)
		return data, told, err
	}
	data, err = get(ctx, address)
	return data, told, err
}

// fromRegistry fetches from a registry of containers.
func (s Source) fromRegistry(_ context.Context, _ string) (data []byte, told string, err error) {
	return pull(strings.TrimSuffix(s.Repository, "/") + "/" + s.Chart + ":" + s.Version)
}

func pull(reference string) (data []byte, told string, err error) {
	options := []registry.ClientOption{registry.ClientOptWriter(io.Discard), registry.ClientOptHTTPClient(&http.Client{Timeout: timeout})}
	if at, err := url.Parse(reference); err == nil && (at.Hostname() == "127.0.0.1" || at.Hostname() == "localhost") {
		options = append(options, registry.ClientOptPlainHTTP())
	}
	client, err := registry.NewClient(options...)
	if err != nil {
		return nil, "", err
	}
	pulled, err := client.Pull(strings.TrimPrefix(reference, registry.OCIScheme+"://"))
	if err != nil {
		return nil, "", err
	}
	return pulled.Chart.Data, pulled.Chart.Digest, nil
}

func get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", address, answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, largest+1))
	if err == nil && len(data) > largest {
		err = fmt.Errorf("GET %s: more than %d MiB", address, largest>>20)
	}
	return data, err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// write keeps content at path, whole or not at all.
func write(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// plain leaves out the address that net/http repeats.
func plain(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return fmt.Errorf("%s: %w", at.URL, at.Err)
	}
	return err
}
