package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// configuration is the page with the one table of the service's settings.
const configuration = "../../docs/service/configuration.md"

const (
	tableBegins = "<!-- The table is written by `go test ./internal/cli -run TestConfiguration -update`. -->\n"
	tableEnds   = "<!-- The table ends. -->\n"
)

// TestConfiguration holds the documentation to the flags that there are.
func TestConfiguration(t *testing.T) {
	page, err := os.ReadFile(configuration)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(page), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatalf("%s has no place for the table", configuration)
	}
	want := before + tableBegins + settingsTable() + tableEnds + after
	if *update {
		if err := os.WriteFile(configuration, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("%s isn't as the flags are (-want +got); -update writes it anew:\n%s", configuration, diff)
	}
}

func settingsTable() string {
	command := (&app{}).serve()
	var table strings.Builder
	table.WriteString("| flag and key | variable | default | means |\n|---|---|---|---|\n")
	command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Name == "help" || flag.Name == "version" {
			return
		}
		_, means := pflag.UnquoteUsage(flag)
		standard := flag.DefValue
		if standard == "" {
			standard = "none"
		}
		variable := "POCCTL_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		fmt.Fprintf(&table, "| `%s` | `%s` | %s | %s |\n", flag.Name, variable, standard, means)
	})
	return table.String()
}
