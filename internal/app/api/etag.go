package api

import (
	"strconv"
	"strings"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// etag is a product's version: strong, as the body changes with it alone.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// expectedVersion reads If-Match. A tag that no version has matches nothing.
func expectedVersion(header string) (int64, error) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return catalog.AnyVersion, nil
	}
	if strings.Contains(header, ",") {
		return 0, newProblem(codeParameter, "give one entity tag").about("If-Match")
	}
	version, err := strconv.ParseInt(strings.Trim(header, `"`), 10, 64)
	if err != nil || version <= 0 || etag(version) != header {
		return 0, newProblem(codeVersionMismatch, "no version of the product has this entity tag").about("If-Match")
	}
	return version, nil
}

// unchanged tells whether If-None-Match names the version.
func unchanged(header string, version int64) bool {
	if header == "" {
		return false
	}
	current := etag(version)
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == current {
			return true
		}
	}
	return false
}
