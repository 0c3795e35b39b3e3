package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
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
			return a.ask(command.Context(), args[0], timeout)
		},
	}
	command.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "give up after this `duration`")
	return command
}

func (a *app) ask(ctx context.Context, url string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("probe %s: %w", url, err)
	}
	direct := &http.Transport{DisableKeepAlives: true} // never by a proxy: what is asked is near
	response, err := (&http.Client{Transport: direct}).Do(request)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("probe %s: it answered %s", url, response.Status)
	}
	_, err = fmt.Fprintln(a.Stdout, response.Status)
	return err
}
