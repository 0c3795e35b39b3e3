package api

import (
	"bufio"
	"bytes"
	"crypto/md5" // S3's entity tags are that
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// stored is an object of a bucket: a file in the account's directory.
type stored struct {
	key  string
	path string
	size int64
	when time.Time
}

func (c *call) path(bucket, key string) string {
	return filepath.Join(c.account.Objects(bucket), url.PathEscape(key))
}

// objects are those of a bucket whose keys begin so, in order.
func (c *call) objects(bucket, prefix string) ([]stored, error) {
	entries, err := os.ReadDir(c.account.Objects(bucket))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []stored
	for _, entry := range entries {
		key, err := url.PathUnescape(entry.Name())
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		found = append(found, stored{key: key, path: c.path(bucket, key), size: info.Size(), when: info.ModTime().UTC()})
	}
	slices.SortFunc(found, func(one, other stored) int { return strings.Compare(one.key, other.key) })
	return found, nil
}

func entityTag(content []byte) string {
	sum := md5.Sum(content) // S3's entity tags are that
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// content is what is sent, without the frames of the SDK's streaming.
func (c *call) content() []byte {
	if !strings.HasPrefix(c.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return c.body
	}
	var content []byte
	frames := bufio.NewReader(bytes.NewReader(c.body))
	for {
		line, err := frames.ReadString('\n')
		if err != nil {
			return content
		}
		length, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseUint(length, 16, 63)
		if err != nil || size == 0 || size > uint64(len(c.body)) {
			return content
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(frames, frame); err != nil {
			return content
		}
		content = append(content, frame...)
		_, _ = frames.ReadString('\n') // the frame's end
	}
}

func missingKey() error {
	return &failure{status: http.StatusNotFound, code: "NoSuchKey", message: "The specified key does not exist."}
}

func getObject(c *call, bucket cloud.Resource) (any, error) {
	_, key := place(c.Request)
	content, err := os.ReadFile(c.path(bucket.ID, key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingKey()
	}
	if err != nil {
		return nil, err
	}
	return reply{raw: content, header: http.Header{
		"Etag": {entityTag(content)}, "Content-Length": {strconv.Itoa(len(content))},
		"Content-Type": {"application/octet-stream"}, "Last-Modified": {time.Now().UTC().Format(http.TimeFormat)},
	}}, nil
}

// putObject writes an object: with If-None-Match only where none is, with
// If-Match only over that one.
func putObject(c *call, bucket cloud.Resource) (any, error) {
	_, key := place(c.Request)
	path := c.path(bucket.ID, key)
	before, err := os.ReadFile(path)
	there := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if problem := condition(c.Header, there, before); problem != nil {
		return nil, problem
	}
	content := c.content()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	temporary := filepath.Join(c.account.Directory(), "."+rand.Text())
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return nil, err
	}
	return reply{header: http.Header{"Etag": {entityTag(content)}}}, os.Rename(temporary, path)
}

func condition(header http.Header, there bool, content []byte) error {
	failed := &failure{status: http.StatusPreconditionFailed, code: "PreconditionFailed", message: "At least one of the pre-conditions you specified did not hold"}
	if header.Get("If-None-Match") == "*" && there {
		return failed
	}
	match := header.Get("If-Match")
	switch {
	case match == "":
		return nil
	case !there:
		return missingKey()
	case strings.Trim(match, `"`) != strings.Trim(entityTag(content), `"`):
		return failed
	}
	return nil
}

func deleteObject(c *call, bucket cloud.Resource) (any, error) {
	_, key := place(c.Request)
	return reply{status: http.StatusNoContent}, c.removeObject(bucket.ID, key)
}

func (c *call) removeObject(bucket, key string) error {
	if err := os.Remove(c.path(bucket, key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func deleteObjects(c *call, bucket cloud.Resource) (any, error) {
	var asked struct {
		Objects []struct{ Key string } `xml:"Object"`
	}
	if err := xml.Unmarshal(c.content(), &asked); err != nil {
		return nil, &failure{status: http.StatusBadRequest, code: "MalformedXML", message: err.Error()}
	}
	deleted := []any{}
	for _, each := range asked.Objects {
		if err := c.removeObject(bucket.ID, each.Key); err != nil {
			return nil, err
		}
		deleted = append(deleted, each.Key)
	}
	return reply{raw: []byte(xml.Header + "<DeleteResult>" + deletions(deleted) + "</DeleteResult>")}, nil
}

func deletions(keys []any) string {
	var text document
	for _, key := range keys {
		text.element("Deleted", map[string]any{"Key": key})
	}
	return text.String()
}

func listObjects(c *call, bucket cloud.Resource) (any, error) {
	query := c.URL.Query()
	all, err := c.objects(bucket.ID, query.Get("prefix"))
	if err != nil {
		return nil, err
	}
	return c.contents("ListBucketResult", "Contents", bucket.ID, all, query, nil)
}

func listVersions(c *call, bucket cloud.Resource) (any, error) {
	all, err := c.objects(bucket.ID, c.URL.Query().Get("prefix"))
	if err != nil {
		return nil, err
	}
	return c.contents("ListVersionsResult", "Version", bucket.ID, all, c.URL.Query(), map[string]any{"VersionId": "null", "IsLatest": true})
}

// contents is a listing: objects as elements right below the root.
func (c *call) contents(root, name, bucket string, all []stored, query url.Values, more map[string]any) (any, error) {
	var text document
	text.WriteString(xml.Header + "<" + root + ">")
	text.element("Name", bucket)
	text.element("Prefix", query.Get("prefix"))
	text.element("KeyCount", len(all))
	text.element("MaxKeys", 1000)
	text.element("IsTruncated", false)
	for _, each := range all {
		content, err := os.ReadFile(each.path)
		if err != nil {
			return nil, err
		}
		fields := map[string]any{
			"Key": each.key, "Size": each.size, "ETag": entityTag(content), "StorageClass": "STANDARD",
			"LastModified": each.when.Format("2006-01-02T15:04:05.000Z"),
		}
		for field, value := range more {
			fields[field] = value
		}
		text.element(name, fields)
	}
	text.WriteString("</" + root + ">")
	return reply{raw: text.Bytes(), header: http.Header{"Content-Type": {"application/xml"}}}, nil
}
