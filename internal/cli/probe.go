package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/fault"
)

// probe is the curl of an image that has none: charts use it for `helm test`
// and for health.
func (a *app) probe() *cobra.Command {
	var timeout time.Duration
	command := &cobra.Command{
		Use:     "probe URL",
		Short:   "Ask a URL once; fail unless it answers 2xx",
		Example: "  pocctl probe http://backend:8080/readyz",
		Hidden:  true,
		Args:    oneArgument("URL"),
		RunE: func(command *cobra.Command, args []string) error {
			return a.ask(command, args[0], timeout)
		},
	}
	command.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "give up after this `duration`")
	return command
}

func (a *app) ask(command *cobra.Command, url string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(command.Context(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return usage(command, "%v", err)
	}
	direct := &http.Transport{DisableKeepAlives: true} // never by a proxy: what is asked is near
	response, err := (&http.Client{Transport: direct}).Do(request)
	if err != nil {
		return fault.New(fault.ProbeFailed, "url", url).Because(err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fault.New(fault.ProbeFailed, "url", url).Because(errors.New("it answered " + response.Status))
	}
	_, err = fmt.Fprintln(a.Stdout, response.Status)
	return err
}
