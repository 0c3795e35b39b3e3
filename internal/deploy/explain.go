package deploy

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pocctl/pocctl/internal/fault"
)

type chartFile = chart.File

// explain turns an error of Helm's into one that names its cause and a fix.
func (c *Client) explain(doing string, op *operation, r Release, err error) error {
	err = op.failure(err)
	var known *fault.Error
	var network net.Error
	switch {
	case errors.As(err, &known), isContext(err):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.As(err, &network), strings.Contains(err.Error(), "cluster unreachable"):
		return fault.New(fault.ClusterUnreachable, "server", c.config.Host).Because(err)
	case r.Chart != nil && isRenderError(err):
		return r.renderFault(err)
	}
	return fault.New(fault.ResourceRefused, "action", doing, "detail", refusal(err)).Because(err)
}

// refusal gives the API server's own words, without Helm's around them.
func refusal(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status().Message
	}
	return strings.TrimPrefix(strings.TrimSpace(err.Error()), "Unable to continue with install: ")
}
