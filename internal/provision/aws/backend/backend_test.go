package backend

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	transport "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/pocctl/pocctl/internal/fault"
)

// store is S3: how it answers, and what it was asked.
type store struct {
	head   int // status; 0 is 200
	create error
	put    error
	asked  []string
	region types.BucketLocationConstraint
	owners []string
}

func (s *store) HeadBucket(_ context.Context, input *s3.HeadBucketInput, _ ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
	s.owners = append(s.owners, *input.ExpectedBucketOwner)
	if s.head == 0 {
		return &s3.HeadBucketOutput{}, nil
	}
	return nil, &transport.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: s.head}}, Err: errors.New("head"),
	}}
}

func (s *store) CreateBucket(_ context.Context, input *s3.CreateBucketInput, _ ...func(*s3.Options)) (*s3.CreateBucketOutput, error) {
	s.asked = append(s.asked, "create")
	if input.CreateBucketConfiguration != nil {
		s.region = input.CreateBucketConfiguration.LocationConstraint
	}
	return nil, s.create
}

func (s *store) PutBucketVersioning(_ context.Context, input *s3.PutBucketVersioningInput, _ ...func(*s3.Options)) (*s3.PutBucketVersioningOutput, error) {
	s.asked, s.owners = append(s.asked, "versioning "+string(input.VersioningConfiguration.Status)), append(s.owners, *input.ExpectedBucketOwner)
	return nil, s.put
}

func (s *store) PutBucketEncryption(_ context.Context, input *s3.PutBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error) {
	rule := input.ServerSideEncryptionConfiguration.Rules[0]
	s.asked, s.owners = append(s.asked, "encryption "+string(rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm)), append(s.owners, *input.ExpectedBucketOwner)
	return nil, s.put
}

func (s *store) PutPublicAccessBlock(_ context.Context, input *s3.PutPublicAccessBlockInput, _ ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error) {
	block := input.PublicAccessBlockConfiguration
	if *block.BlockPublicAcls && *block.BlockPublicPolicy && *block.IgnorePublicAcls && *block.RestrictPublicBuckets {
		s.asked, s.owners = append(s.asked, "closed"), append(s.owners, *input.ExpectedBucketOwner)
	}
	return nil, s.put
}

func TestEnsure(t *testing.T) {
	whole := []string{"closed", "versioning Enabled", "encryption aws:kms"}
	for _, test := range []struct {
		name   string
		region string
		store  store
		made   bool
		asked  []string
		where  types.BucketLocationConstraint
		code   fault.Code
	}{
		{"there", "eu-west-1", store{}, false, whole, "", ""},
		{"made", "eu-west-1", store{head: 404}, true, append([]string{"create"}, whole...), "eu-west-1", ""},
		{"made where no region is named", "us-east-1", store{head: 404}, true, append([]string{"create"}, whole...), "", ""},
		{"another run was quicker", "eu-west-1", store{head: 404, create: &types.BucketAlreadyOwnedByYou{}}, true, append([]string{"create"}, whole...), "eu-west-1", ""},
		{"someone else's", "eu-west-1", store{head: 403}, false, nil, "", fault.BackendForeign},
		{"elsewhere", "eu-west-1", store{head: 301}, false, nil, "", fault.BackendForeign},
		{"taken meanwhile", "eu-west-1", store{head: 404, create: &types.BucketAlreadyExists{}}, false, []string{"create"}, "eu-west-1", fault.BackendForeign},
		{"S3 is ill", "eu-west-1", store{head: 500}, false, nil, "", fault.AWSFailed},
		{"not allowed to make", "eu-west-1", store{head: 404, create: &smithy.GenericAPIError{Code: "AccessDenied"}}, false, []string{"create"}, "eu-west-1", fault.AWSFailed},
		{"not allowed to set up", "eu-west-1", store{put: &smithy.GenericAPIError{Code: "AccessDenied"}}, false, []string{"closed"}, "", fault.AWSFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket := Bucket{Name: "state", Region: test.region, Account: "123456789012"}
			made, err := bucket.Ensure(t.Context(), &test.store)
			if problem := fault.From(err); (test.code == "") != (err == nil) || err != nil && problem.Code != test.code {
				t.Fatalf("got %v", err)
			}
			if made != test.made || !slices.Equal(test.store.asked, test.asked) || test.store.region != test.where {
				t.Errorf("made %v, asked %v in %q", made, test.store.asked, test.store.region)
			}
			if slices.ContainsFunc(test.store.owners, func(owner string) bool { return owner != "123456789012" }) {
				t.Errorf("owners %v", test.store.owners)
			}
		})
	}
}
