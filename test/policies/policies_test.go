package policies_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/policies"
)

// plans reads the plans of our roots, which scripts/modules makes: a folder with
// staging.json and prod.json, named by POCCTL_PLANS.
func plans(t *testing.T, environment string) plan {
	t.Helper()
	folder := os.Getenv("POCCTL_PLANS")
	if folder == "" {
		t.Fatal("POCCTL_PLANS names no folder of plans: run scripts/modules")
	}
	text, err := os.ReadFile(filepath.Join(folder, environment+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return plan{t, document}
}

func judge(t *testing.T) *policies.Judge {
	t.Helper()
	judge, err := policies.NewJudge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return judge
}

func TestOurPlansPass(t *testing.T) {
	judge := judge(t)
	for _, environment := range []string{"staging", "prod"} {
		t.Run(environment, func(t *testing.T) {
			findings, err := judge.Findings(t.Context(), plans(t, environment).document)
			if err != nil {
				t.Fatal(err)
			}
			for _, finding := range findings {
				t.Error(finding)
			}
		})
	}
}

// An empty plan would pass everything: the two above have to be whole.
func TestOurPlansAreWhole(t *testing.T) {
	for _, environment := range []string{"staging", "prod"} {
		if count := len(plans(t, environment).changes()); count < 200 {
			t.Errorf("the plan of %s has %d changes", environment, count)
		}
	}
}

func TestEveryPolicyCatchesWhatItIsFor(t *testing.T) {
	judge := judge(t)
	caught := map[string]bool{}
	for _, bad := range badPlans() {
		t.Run(bad.policy+"/"+bad.name, func(t *testing.T) {
			environment := "staging"
			if strings.HasPrefix(bad.policy, "prod-") {
				environment = "prod"
			}
			plan := plans(t, environment)
			bad.spoil(plan)
			findings, err := judge.Findings(t.Context(), plan.document)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(findings, func(f policies.Finding) bool {
				return f.Policy == bad.policy && strings.Contains(f.Address, bad.address)
			}) {
				t.Fatalf("%s has nothing against %s; all findings: %v", bad.policy, bad.address, findings)
			}
		})
		caught[bad.policy] = true
	}
	for _, policy := range judge.Policies() {
		if !caught[policy] {
			t.Errorf("no bad plan shows that %s catches anything", policy)
		}
	}
	for policy := range caught {
		if !slices.Contains(judge.Policies(), policy) {
			t.Errorf("%s is not among the policies", policy)
		}
	}
}

// What is deleted is not judged, or nothing bad could ever be taken away.
func TestWhatGoesIsNotJudged(t *testing.T) {
	plan := plans(t, "staging")
	plan.set("aws_db_instance.this", "publicly_accessible", true)
	for _, change := range plan.changes() {
		if change["type"] == "aws_db_instance" {
			change["change"].(map[string]any)["actions"] = []any{"delete"}
		}
	}
	findings, err := judge(t).Findings(t.Context(), plan.document)
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range findings {
		if finding.Policy == "database-private" {
			t.Error(finding)
		}
	}
}
