// Package backend makes the S3 bucket that Terraform's state is kept in, with S3's own
// locking.
package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	transport "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/provision/aws/account"
)

// Bucket is where an environment's state is.
type Bucket struct {
	Name    string
	Region  string
	Account string // the only owner that is trusted
}

// S3 is what Bucket asks.
type S3 interface {
	HeadBucket(context.Context, *s3.HeadBucketInput, ...func(*s3.Options)) (*s3.HeadBucketOutput, error)
	CreateBucket(context.Context, *s3.CreateBucketInput, ...func(*s3.Options)) (*s3.CreateBucketOutput, error)
	PutBucketVersioning(context.Context, *s3.PutBucketVersioningInput, ...func(*s3.Options)) (*s3.PutBucketVersioningOutput, error)
	PutBucketEncryption(context.Context, *s3.PutBucketEncryptionInput, ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error)
	PutPublicAccessBlock(context.Context, *s3.PutPublicAccessBlockInput, ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error)
}

// Exists says whether the bucket is there. One of another account is a
// fault.BackendForeign.
func (b Bucket) Exists(ctx context.Context, api S3) (bool, error) {
	_, err := api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account})
	if err == nil {
		return true, nil
	}
	var answer *transport.ResponseError // a HEAD has no body, and so no code
	if errors.As(err, &answer) {
		switch answer.HTTPStatusCode() {
		case http.StatusNotFound:
			return false, nil
		case http.StatusForbidden, http.StatusMovedPermanently:
			return false, fault.New(fault.BackendForeign, "bucket", b.Name).Because(err)
		}
	}
	return false, account.Explain("look for the bucket of Terraform's state", err)
}

// Ensure makes the bucket unless it is there, and sets in any case what it has to be:
// versioned, encrypted, closed to the public. made says that it was not there.
func (b Bucket) Ensure(ctx context.Context, api S3) (made bool, err error) {
	there, err := b.Exists(ctx, api)
	if err != nil {
		return false, err
	}
	if !there {
		if err := b.create(ctx, api); err != nil {
			return false, err
		}
	}
	for _, set := range []func() error{
		func() error {
			_, err := api.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
				}})
			return err
		},
		func() error {
			_, err := api.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
			return err
		},
		func() error {
			_, err := api.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Account,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
					ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms},
					BucketKeyEnabled:                   aws.Bool(true),
				}}}})
			return err
		},
	} {
		if err := set(); err != nil {
			return !there, account.Explain(fmt.Sprintf("set the bucket %s up", b.Name), err)
		}
	}
	return !there, nil
}

func (b Bucket) create(ctx context.Context, api S3) error {
	input := &s3.CreateBucketInput{Bucket: &b.Name}
	if b.Region != "us-east-1" { // which takes no name for itself
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.Region)}
	}
	_, err := api.CreateBucket(ctx, input)
	var taken *types.BucketAlreadyExists
	var own *types.BucketAlreadyOwnedByYou
	switch {
	case err == nil, errors.As(err, &own): // another run was quicker
		return nil
	case errors.As(err, &taken):
		return fault.New(fault.BackendForeign, "bucket", b.Name).Because(err)
	default:
		return account.Explain(fmt.Sprintf("make the bucket %s for Terraform's state", b.Name), err)
	}
}
