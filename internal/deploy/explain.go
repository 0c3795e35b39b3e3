package deploy

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"helm.sh/helm/v3/pkg/chart"

	"github.com/pocctl/pocctl/internal/fault"
)

type chartFile = chart.File

// explain turns an error of Helm's into one that names its cause and a fix.
func (c *Client) explain(doing string, op *operation, r Release, err error) error {
	err = op.failure(err)
	var known *fault.Error
	var network net.Error
	switch {
	case errors.As(err, &known):
		return err // it names the release itself
	case isContext(err):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.As(err, &network), strings.Contains(err.Error(), "cluster unreachable"):
		return fault.New(fault.ClusterUnreachable, "server", c.config.Host).Because(err)
	case r.Chart != nil && isRenderError(err):
		return r.renderFault(err)
	}
	return fault.New(fault.ResourceRefused, "action", doing).Because(err)
}
