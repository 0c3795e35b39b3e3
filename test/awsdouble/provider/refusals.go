package provider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// protection is what refuses a deletion while an argument is set.
type protection struct{ argument, code, message string }

// protections are those of types that have one.
func protections() map[string]protection {
	return map[string]protection{
		"aws_db_instance": {"deletion_protection", "InvalidParameterCombination", "Cannot delete protected DB Instance, please disable deletion protection and try again."},
		"aws_eks_cluster": {"deletion_protection", "InvalidRequestException", "The cluster is currently configured with deletion protection enabled. Disable deletion protection and try again."},
		"aws_lb":          {"enable_deletion_protection", "OperationNotPermitted", "Load balancer cannot be deleted because deletion protection is enabled"},
	}
}

// refused is why AWS, or the provider for it, does not delete a resource: it is
// protected, needs a snapshot's name, or has something in it. Nil if it does.
func (s *Server) refused(work change) (*cloud.Fault, error) {
	if own := protections()[work.kind]; own.argument != "" && work.before[own.argument] == true {
		return &cloud.Fault{Code: own.code, Message: own.message}, nil
	}
	switch work.kind {
	case "aws_db_instance":
		if work.before["skip_final_snapshot"] != true && work.before["final_snapshot_identifier"] == nil && work.before["replicate_source_db"] == nil {
			return &cloud.Fault{Code: "InvalidParameterCombination", Message: "final_snapshot_identifier is required when skip_final_snapshot is false"}, nil
		}
	case "aws_s3_bucket":
		objects, err := os.ReadDir(s.account.Objects(fmt.Sprint(work.before["id"])))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if len(objects) > 0 && work.before["force_destroy"] != true {
			return &cloud.Fault{Code: "BucketNotEmpty", Message: "The bucket you tried to delete is not empty", Status: 409}, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing speaks against it
}

// lingers tells whether a deleted resource stays for the days of its window, with
// its name and its tags, as keys and secrets do.
func (b behaviour) lingers(attributes map[string]any) bool {
	return b.Lingers != "" && fmt.Sprint(attributes[b.Lingers]) != "0"
}
