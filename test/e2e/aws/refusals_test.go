package aws

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// TestRefused holds what is refused with nothing made: each with its code, and a fix.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(w *world)
		exit    int
		code    string
		says    []string
	}{
		"wrong account": {
			func(w *world) { w.write("staging.yaml", strings.ReplaceAll(smallEnvironment, account, "999999999999")) },
			2, "account-wrong", []string{account, "999999999999"},
		},
		"expired credentials": {func(w *world) { w.control(cloud.Control{Credentials: "expired"}) }, 1, "credentials-refused", []string{"expired"}},
		"missing permission":  {func(w *world) { w.control(cloud.Control{Denied: []string{"ec2:CreateVpc"}}) }, 1, "permission-missing", []string{"ec2:CreateVpc"}},
		"quota short by one": {
			func(w *world) {
				w.control(cloud.Control{Services: map[string]map[string]float64{"ec2": {"L-0263D0A3": 1}}})
			},
			1, "quota-short", []string{"2 needed", "eu-west-1"},
		},
		"zone there already": {
			func(w *world) {
				w.add(cloud.Resource{Type: "aws_route53_zone", ID: "Z0000000000000", Attributes: map[string]any{
					"zone_id": "Z0000000000000", "name": "staging.example.com", "name_servers": []any{"ns-1.example.net"},
				}})
			}, 1, "zone-undelegated", []string{"zone_id", "Z0000000000000"},
		},
		"zone that others are asked for": {elsewhere, 1, "zone-undelegated", []string{"ns.elsewhere.example", "ns-1.example.net", "enter NS records"}},
		"bucket of somebody else": {
			func(w *world) {
				w.add(cloud.Resource{Type: "aws_s3_bucket", ID: "pocctl-state-" + account + "-eu-west-1", Attributes: map[string]any{
					"bucket": "pocctl-state-" + account + "-eu-west-1", "owner": "999999999999",
				}})
			}, 1, "backend-foreign", []string{"pocctl-state-"},
		},
		"terraform too old":      {oldTerraform, 1, "terraform-old", []string{"1.5.7", "1.10"}},
		"no terraform":           {noTerraform, 1, "terraform-missing", nil},
		"provider not to be had": {noProvider, 1, "provider-unavailable", nil},
		"root module that is unknown": {func(w *world) {
			w.write("staging.yaml", strings.Replace(smallEnvironment, "root: staging", "root: other", 1))
		}, 2, "root-unknown", []string{"other"}},
		"chart not to be had": {
			func(w *world) {
				w.write("staging.yaml", smallEnvironment+"releases:\n  - {name: a, chart: a, version: 1.2.3, repository: \"http://127.0.0.1:9\"}\n")
			}, 1, "chart-unavailable", []string{"http://127.0.0.1:9", "a 1.2.3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := small(t)
			test.prepare(w)
			before := w.count("")
			w.refused(w.pocctl("up", "-o", "json"), test.exit, test.code, test.says...)
			if after := w.count(""); after != before {
				t.Errorf("there were %d resources, and now there are %d", before, after)
			}
		})
	}
}

func (w *world) add(resource cloud.Resource) {
	w.t.Helper()
	if err := w.account.Add(resource); err != nil {
		w.t.Fatal(err)
	}
}

// oldTerraform puts another Terraform first on PATH.
func oldTerraform(w *world) {
	w.t.Helper()
	bin := filepath.Join(w.home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		w.t.Fatal(err)
	}
	script := "#!/bin/sh\necho '{\"terraform_version\": \"1.5.7\", \"platform\": \"linux_amd64\", \"provider_selections\": {}, \"terraform_outdated\": true}'\n"
	if err := os.WriteFile(filepath.Join(bin, "terraform"), []byte(script), 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.extra = append(w.extra, "PATH="+bin+":/usr/bin:/bin")
}

func noTerraform(w *world) { w.extra = append(w.extra, "PATH="+filepath.Join(w.home, "bin")) }

// noProvider has Terraform look for its provider where there is none.
func noProvider(w *world) {
	w.t.Helper()
	empty := filepath.Join(w.home, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.extra = append(w.extra, "TF_CLI_CONFIG_FILE="+w.write("terraformrc", "provider_installation {\n  filesystem_mirror {\n    path = \""+empty+"\"\n  }\n}\n"))
}
