package api

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// storage is S3, as much of it as Terraform's backend and its making need.
func storage() map[string]operation {
	all := map[string]operation{
		"s3:ListBuckets":        listBuckets,
		"s3:CreateBucket":       createBucket,
		"s3:HeadBucket":         of(func(c *call, bucket cloud.Resource) (any, error) { return bucketHead(bucket), nil }),
		"s3:DeleteBucket":       of(deleteBucket),
		"s3:GetBucketLocation":  of(location),
		"s3:ListObjectsV2":      of(listObjects),
		"s3:ListObjectVersions": of(listVersions),
		"s3:DeleteObjects":      of(deleteObjects),
		"s3:HeadObject":         of(getObject),
		"s3:GetObject":          of(getObject),
		"s3:PutObject":          of(putObject),
		"s3:DeleteObject":       of(deleteObject),
	}
	for _, setting := range settings() {
		all["s3:Get"+setting.action] = of(setting.get)
		all["s3:Put"+setting.action] = of(setting.put)
	}
	return all
}

// setting is a subresource of a bucket that is kept as it comes.
type setting struct {
	query   string // "versioning"
	action  string // "BucketVersioning"
	initial string // what a new bucket has, XML
	missing string // or the code that says it has none
}

func settings() []setting {
	return []setting{
		{query: "versioning", action: "BucketVersioning", initial: `<VersioningConfiguration/>`},
		{query: "encryption", action: "BucketEncryption", initial: `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>` +
			`<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`},
		{query: "publicAccessBlock", action: "PublicAccessBlock", missing: "NoSuchPublicAccessBlockConfiguration"},
		{query: "policy", action: "BucketPolicy", missing: "NoSuchBucketPolicy"},
		{query: "tagging", action: "BucketTagging", missing: "NoSuchTagSet"},
		{query: "lifecycle", action: "BucketLifecycleConfiguration", missing: "NoSuchLifecycleConfiguration"},
		{query: "ownershipControls", action: "BucketOwnershipControls", missing: "OwnershipControlsNotFoundError"},
	}
}

func (s setting) get(_ *call, bucket cloud.Resource) (any, error) {
	text := bucket.Text("api_" + s.query)
	if text == "" {
		text = s.initial
	}
	if text == "" {
		return nil, &failure{status: http.StatusNotFound, code: s.missing, message: "The bucket has none."}
	}
	return reply{raw: []byte(text), header: http.Header{"Content-Type": {"application/xml"}}}, nil
}

func (s setting) put(c *call, bucket cloud.Resource) (any, error) {
	bucket.Attributes["api_"+s.query] = string(c.content())
	if s.query == "tagging" {
		tags, err := parseTags(c.content())
		if err != nil {
			return nil, &failure{status: http.StatusBadRequest, code: "MalformedXML", message: err.Error()}
		}
		bucket.Attributes["tags"] = tags
	}
	return reply{}, c.account.Put(bucket)
}

func parseTags(text []byte) (map[string]any, error) {
	var read struct {
		Tags []struct{ Key, Value string } `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal(text, &read); err != nil {
		return nil, err
	}
	tags := map[string]any{}
	for _, tag := range read.Tags {
		tags[tag.Key] = tag.Value
	}
	return tags, nil
}

// storageAction is what a request asks of S3, by its method, path and query.
func storageAction(request *http.Request) string {
	query := request.URL.Query()
	bucket, key := place(request)
	verb := map[string]string{"GET": "Get", "PUT": "Put", "HEAD": "Head", "DELETE": "Delete"}[request.Method]
	switch {
	case bucket == "":
		return "ListBuckets"
	case key != "":
		return verb + "Object"
	case query.Has("location"):
		return "GetBucketLocation"
	case query.Has("versions"):
		return "ListObjectVersions"
	case query.Has("delete"):
		return "DeleteObjects"
	}
	for _, setting := range settings() {
		if query.Has(setting.query) {
			return verb + setting.action
		}
	}
	return map[string]string{"GET": "ListObjectsV2", "PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}[request.Method]
}

func place(request *http.Request) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	return bucket, key
}

// of finds the bucket, that has to be the caller's and in the region.
func of(does func(*call, cloud.Resource) (any, error)) operation {
	return func(c *call) (any, error) {
		c.server.storage.Lock()
		defer c.server.storage.Unlock()
		name, _ := place(c.Request)
		bucket, there, err := c.account.Get("aws_s3_bucket", name)
		if err != nil {
			return nil, err
		}
		if !there {
			return nil, &failure{status: http.StatusNotFound, code: "NoSuchBucket", message: "The specified bucket does not exist"}
		}
		wanted := c.Header.Get("X-Amz-Expected-Bucket-Owner")
		if owner := c.owner(bucket); owner != c.control.Account || wanted != "" && wanted != owner {
			return nil, &failure{status: http.StatusForbidden, code: "AccessDenied", message: "Access Denied"}
		}
		if region := bucket.Text("region"); region != "" && region != c.region && c.action != "GetBucketLocation" {
			return nil, &failure{status: http.StatusMovedPermanently, code: "PermanentRedirect", message: "The bucket is in " + region}
		}
		return does(c, bucket)
	}
}

// owner is the account that a bucket belongs to: this one unless it says another.
func (c *call) owner(bucket cloud.Resource) string {
	if owner := bucket.Text("owner"); owner != "" {
		return owner
	}
	return c.control.Account
}

func bucketHead(bucket cloud.Resource) reply {
	return reply{header: http.Header{"X-Amz-Bucket-Region": {bucket.Text("region")}}}
}

func listBuckets(c *call) (any, error) {
	all, err := c.list("aws_s3_bucket")
	found := []any{}
	for _, bucket := range all {
		if c.owner(bucket) == c.control.Account {
			found = append(found, map[string]any{"Name": bucket.ID, "CreationDate": bucket.Made.Format(time.RFC3339)})
		}
	}
	return reply{root: "ListAllMyBucketsResult", value: map[string]any{"Buckets": list{"Bucket", found}}}, err
}

func createBucket(c *call) (any, error) {
	name, _ := place(c.Request)
	region := c.region
	var body struct{ LocationConstraint string }
	if len(c.body) > 0 {
		if err := xml.Unmarshal(c.body, &body); err != nil {
			return nil, &failure{status: http.StatusBadRequest, code: "MalformedXML", message: err.Error()}
		}
	}
	if (body.LocationConstraint == "") != (region == "us-east-1") {
		return nil, &failure{
			status: http.StatusBadRequest, code: "IllegalLocationConstraintException",
			message: "The " + body.LocationConstraint + " location constraint is incompatible for the region specific endpoint this request was sent to.",
		}
	}
	err := c.account.Add(cloud.Resource{Type: "aws_s3_bucket", ID: name, Made: time.Now().UTC(), Attributes: map[string]any{
		"bucket": name, "region": region, "arn": "arn:aws:s3:::" + name, "id": name,
	}})
	if !errors.Is(err, cloud.ErrExists) {
		return reply{header: http.Header{"Location": {"/" + name}}}, err
	}
	bucket, _, err := c.account.Get("aws_s3_bucket", name)
	if err != nil {
		return nil, err
	}
	if c.owner(bucket) != c.control.Account {
		return nil, &failure{status: http.StatusConflict, code: "BucketAlreadyExists", message: "The requested bucket name is not available."}
	}
	return nil, &failure{status: http.StatusConflict, code: "BucketAlreadyOwnedByYou", message: "Your previous request to create the named bucket succeeded and you already own it."}
}

func location(_ *call, bucket cloud.Resource) (any, error) {
	region := bucket.Text("region")
	if region == "us-east-1" {
		region = ""
	}
	return reply{root: "LocationConstraint", value: region}, nil
}

func deleteBucket(c *call, bucket cloud.Resource) (any, error) {
	objects, err := c.objects(bucket.ID, "")
	if err != nil {
		return nil, err
	}
	if len(objects) > 0 {
		return nil, &failure{status: http.StatusConflict, code: "BucketNotEmpty", message: "The bucket you tried to delete is not empty"}
	}
	return reply{status: http.StatusNoContent}, c.account.Remove("aws_s3_bucket", bucket.ID)
}
