package image

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/pocctl/pocctl/internal/fault"
)

// Service gives the catalogue to a kubelet. Pulling an image only looks it up.
type Service struct {
	catalogue *Catalogue
	directory string
}

var _ cri.ImageManagerService = (*Service)(nil)

// NewService serves the catalogue. directory is any directory of the file system
// whose use is reported as the images'.
func NewService(catalogue *Catalogue, directory string) *Service {
	return &Service{catalogue: catalogue, directory: directory}
}

// ListImages lists the known images whose programs can be used.
func (s *Service) ListImages(_ context.Context, filter *runtimeapi.ImageFilter) ([]*runtimeapi.Image, error) {
	wanted := filter.GetImage().GetImage()
	if wanted != "" {
		entry, err := s.catalogue.Resolve(wanted)
		if err != nil {
			return nil, nil //nolint:nilerr // an unknown image is an empty list
		}
		return []*runtimeapi.Image{describe(entry, wanted)}, nil
	}
	var images []*runtimeapi.Image
	for _, entry := range s.catalogue.List() {
		images = append(images, describe(entry, entry.Name))
	}
	return images, nil
}

// ImageStatus describes an image; the answer's Image is nil for an unknown one.
func (s *Service) ImageStatus(_ context.Context, spec *runtimeapi.ImageSpec, _ bool) (*runtimeapi.ImageStatusResponse, error) {
	entry, err := s.catalogue.Resolve(spec.GetImage())
	if err != nil {
		return &runtimeapi.ImageStatusResponse{}, nil //nolint:nilerr // the kubelet then pulls, which tells why
	}
	return &runtimeapi.ImageStatusResponse{Image: describe(entry, spec.GetImage())}, nil
}

// PullImage gives the image's ID. Its error is what people read in the event, so
// it carries the advice.
func (s *Service) PullImage(_ context.Context, spec *runtimeapi.ImageSpec, _ *runtimeapi.AuthConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	entry, err := s.catalogue.Resolve(spec.GetImage())
	var known *fault.Error
	if errors.As(err, &known) {
		return "", fmt.Errorf("%w; %s", err, known.Fix)
	}
	return entry.ID, err
}

// RemoveImage does nothing: programs are not the node's to remove.
func (s *Service) RemoveImage(context.Context, *runtimeapi.ImageSpec) error { return nil }

// ImageFsInfo tells the use of the file system that holds the directory.
func (s *Service) ImageFsInfo(context.Context) (*runtimeapi.ImageFsInfoResponse, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(s.directory, &stat); err != nil {
		return nil, fmt.Errorf("read the file system's use at %s: %w", s.directory, err)
	}
	usage := []*runtimeapi.FilesystemUsage{{
		Timestamp:  time.Now().UnixNano(),
		FsId:       &runtimeapi.FilesystemIdentifier{Mountpoint: s.directory},
		UsedBytes:  &runtimeapi.UInt64Value{Value: (stat.Blocks - stat.Bfree) * uint64(stat.Bsize)},
		InodesUsed: &runtimeapi.UInt64Value{Value: stat.Files - stat.Ffree},
	}}
	return &runtimeapi.ImageFsInfoResponse{ImageFilesystems: usage, ContainerFilesystems: usage}, nil
}

// Close does nothing.
func (s *Service) Close(context.Context) error { return nil }

func describe(entry Entry, reference string) *runtimeapi.Image {
	return &runtimeapi.Image{
		Id:       entry.ID,
		RepoTags: []string{entry.Name + ":latest"},
		Size:     max(entry.Size, 1), // the kubelet takes 0 for an error
		Uid:      &runtimeapi.Int64Value{Value: entry.User},
		Spec:     &runtimeapi.ImageSpec{Image: reference},
		Pinned:   true, // nothing to collect
	}
}
