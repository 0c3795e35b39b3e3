package report

import (
	"cmp"
	"slices"

	"github.com/pocctl/pocctl/internal/fault"
	"github.com/pocctl/pocctl/internal/flow"
)

// next offers the commands that people want after this one.
func (p page) next() string {
	env := cmp.Or(p.EnvFlag, p.Env, "local")
	if env == "local" {
		env = ""
	} else {
		env = " --env " + env
	}
	var rows [][]string
	offer := func(command, what string) {
		rows = append(rows, []string{p.Styles.Bold("pocctl " + command + env), p.Styles.Dim(what)})
	}
	done := p.Status == flow.Passed || (p.Error != nil && (measured(p.Error.Code) || p.Error.Code == fault.DashboardsBroken))
	switch {
	case p.Run == "", p.Command == "":
	case !done && p.Command == "down":
		offer("down", "go on where it stopped")
	case !done:
		offer("status", "what is there, and what is not ready")
		offer("logs", "what the service says")
		if !p.takenBack() { // that is an end, not a stop
			offer(p.Command, "go on where it stopped")
		}
	case p.Command == "up":
		offer("status", "what runs, and where")
		if p.measures() {
			offer("verify --slo", "measure it again")
		}
		offer("down", "take it all away")
	}
	if len(rows) == 0 {
		return ""
	}
	return p.pairs(rows)
}

// takenBack says whether the run ended with a canary that went back.
func (p page) takenBack() bool {
	return p.Error != nil && slices.Contains([]fault.Code{fault.CanaryRolledBack, fault.CanaryUnmeasured, fault.MetricsAway}, p.Error.Code)
}

// measures says whether the environment has a load to send.
func (p page) measures() bool {
	return slices.ContainsFunc(p.Phases, func(phase flow.PhaseResult) bool { return phase.Name == "verify" })
}
