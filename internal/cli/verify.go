package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/report"
	"github.com/pocctl/pocctl/internal/stack"
)

func (a *app) verify() *cobra.Command {
	var measured loadFlags
	var wanted verifyFlags
	command := &cobra.Command{
		Use:   "verify",
		Short: "Send load and judge every objective; check every dashboard and alert",
		Long: `With --slo, or if nothing is named, sends requests through the ingress on a fixed
schedule, with latency counted from the moment a request was due, and judges the
objectives of slo.yaml. It exits 3 if an objective was violated, 4 if there was too
little data to say, and 6 if the load could not be held, which makes the measurement
void.

With --dashboards, asks the environment's Prometheus every query of every panel, after
the load if both are named. It exits 1 if a query is refused, or if a panel that ought
to have data has none after 30 seconds: panels want requests of the last minutes.

With --alerts, last of all, breaks things on purpose: answers are slow, or errors, the
cache is off, the database's connections are used up. For each, the alert has to fire,
reach the inbox, and be over when the fault is. Alerts are exercises, 20 times as fast
as in earnest, and go to no pager. It exits 1 if one does not come or does not end, and
does nothing in an environment whose file does not allow it. Faults that are not taken
back, because pocctl was killed, end by themselves within 3 minutes.`,
		GroupID: groupRun,
		Example: `  pocctl verify --slo
  pocctl verify --slo --rate 300 --duration 60s
  pocctl verify --slo --spike 600 -o json
  pocctl verify --slo --profile full                 # steady, ramp, spike, and a soak of ten minutes
  pocctl verify --slo --scenario my-load.yaml        # requests and stages of one's own
  pocctl verify --slo --page report.html             # the verdict with its plots, to be shown to others
  pocctl verify --slo --junit objectives.xml         # each objective a test case, for CI
  pocctl verify --slo --dashboards                   # load, and then the dashboards that show it
  pocctl verify --alerts                             # break things, and be told
  pocctl verify --dashboards --page dashboards.html  # look at them without Grafana`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := wanted.settle(command); err != nil {
				return err
			}
			return a.run(command.Context(), order{
				command: "verify", phase: stack.Verify, page: wanted.reportPage(), junit: wanted.junit,
				text: func(s *stack.Stack, document *report.Document) error { return a.showVerified(s, document, wanted.page) },
				change: func(options *stack.Options) error {
					if err := wanted.apply(options); err != nil {
						return err
					}
					return measured.apply(command, options)
				},
			})
		},
	}
	wanted.add(command.Flags())
	measured.add(command.Flags())
	measured.complete(command)
	for _, flag := range []string{"page", "junit"} {
		complete(command, flag, cobra.ShellCompDirectiveDefault, func() []string { return nil })
	}
	return command
}

// verifyFlags say what to verify.
type verifyFlags struct {
	slo, dashboards, alerts bool
	page, junit             string
}

func (v *verifyFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&v.slo, "slo", false, "judge the service level objectives (default if nothing else is named)")
	flags.BoolVar(&v.dashboards, "dashboards", false, "ask Prometheus for every panel of the dashboards")
	flags.BoolVar(&v.alerts, "alerts", false, "break things on purpose, and see that their alerts come and go")
	flags.StringVar(&v.page, "page", "", "draw what was found into this `file`, one HTML page that needs no network")
	flags.StringVar(&v.junit, "junit", "", junitUsage)
}

const junitUsage = "write the phases and objectives into this `file`, too, as JUnit's XML for CI systems"

// settle decides what is verified, and finds the page's file, absolute.
func (v *verifyFlags) settle(command *cobra.Command) error {
	if !v.slo && !v.dashboards && !v.alerts {
		if command.Flags().Changed("slo") {
			return usage(command, "there is nothing to verify: give --slo, --dashboards or --alerts")
		}
		v.slo = true
	}
	var err error
	if v.page, err = fileToWrite(command, "page", v.page); err != nil {
		return err
	}
	v.junit, err = fileToWrite(command, "junit", v.junit)
	return err
}

// reportPage is the page that has the report on it, and the dashboards if they are wanted;
// the dashboards alone have a page of their own.
func (v *verifyFlags) reportPage() string {
	if v.slo || v.alerts {
		return v.page
	}
	return ""
}

// fileToWrite makes the path that a flag names absolute, and refuses one that can't be
// written before anything is done. Of "" it gives "".
func fileToWrite(command *cobra.Command, flag, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	file, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the folder of --%s: %w", flag, err)
	}
	if folder, err := os.Stat(filepath.Dir(file)); err != nil || !folder.IsDir() {
		return "", usage(command, "--%s is %s, but there is no folder %s", flag, path, filepath.Dir(file))
	}
	if there, err := os.Stat(file); err == nil && there.IsDir() {
		return "", usage(command, "--%s is %s, which is a folder: give a file", flag, path)
	}
	return file, nil
}

// apply refuses an environment that has not what is wanted.
func (v *verifyFlags) apply(options *stack.Options) error {
	environment := options.Environment
	if v.slo && environment.Load.Path == "" {
		return fault.New(fault.ConfigInvalid, "path", environment.Name,
			"detail", "load.path is missing, so there is nothing to send load to",
			"fix", "write the API's base path, for example  load: {path: /api/v1}")
	}
	if v.dashboards && environment.Endpoints[stack.Prometheus] == "" {
		return fault.New(fault.ConfigInvalid, "path", environment.Name,
			"detail", "endpoints.prometheus is missing, so there is nobody to ask for the dashboards' data",
			"fix", "write where Prometheus is, for example  endpoints: {prometheus: $(INGRESS_URL)/prometheus}")
	}
	if v.alerts && !environment.Alerts.Drill {
		return fault.New(fault.DrillForbidden, "env", environment.Name)
	}
	options.WithoutLoad, options.Dashboards, options.Page, options.Alerts = !v.slo, v.dashboards, v.page, v.alerts
	return nil
}

// showVerified writes the report, what was measured in detail, and where the page is.
func (a *app) showVerified(s *stack.Stack, document *report.Document, page string) error {
	if err := a.showLoad(s, document); err != nil || page == "" {
		return err
	}
	if _, err := fmt.Fprintf(a.Stdout, "\n  page  %s\n", page); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// showLoad writes the report and what was measured in detail.
func (a *app) showLoad(s *stack.Stack, document *report.Document) error {
	look := a.page()
	if err := document.Text(a.Stdout, look); err != nil {
		return err
	}
	measured := s.Load()
	if measured == nil {
		return nil
	}
	for _, line := range append([]string{""}, measured.Text(look.Width)...) {
		if _, err := fmt.Fprintln(a.Stdout, line); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}
