package ingress

import (
	"math"
	"math/rand/v2"
	"net/http"
	"testing"
)

func policyOf(t *testing.T, annotations map[string]string) *canaryPolicy {
	t.Helper()
	full := map[string]string{annotationPrefix + "canary": "true"}
	for name, value := range annotations {
		full[annotationPrefix+name] = value
	}
	read, problems := readAnnotations(full)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return read.canary
}

func TestCanaryPrecedence(t *testing.T) {
	all := func(more map[string]string) map[string]string {
		merged := map[string]string{"canary-by-header": "X-Canary", "canary-by-cookie": "canary", "canary-weight": "50"}
		for name, value := range more {
			merged[name] = value
		}
		return merged
	}
	tests := map[string]struct {
		annotations    map[string]string
		header, cookie string
		byWeight, want bool
	}{
		"header always beats cookie never":          {all(nil), "always", "never", false, true},
		"header never beats cookie always":          {all(nil), "never", "always", true, false},
		"other header falls to the cookie":          {all(nil), "maybe", "always", false, true},
		"cookie never beats weight":                 {all(nil), "", "never", true, false},
		"cookie always beats weight":                {all(nil), "", "always", false, true},
		"other cookie falls to the weight, in":      {all(nil), "", "maybe", true, true},
		"other cookie falls to the weight, out":     {all(nil), "", "maybe", false, false},
		"nothing falls to the weight":               {all(nil), "", "", true, true},
		"wanted value":                              {all(map[string]string{"canary-by-header-value": "beta"}), "beta", "never", false, true},
		"wanted value makes never a mere value":     {all(map[string]string{"canary-by-header-value": "beta"}), "never", "always", false, true},
		"wanted value makes always a mere value":    {all(map[string]string{"canary-by-header-value": "beta"}), "always", "never", true, false},
		"wanted value beats pattern":                {all(map[string]string{"canary-by-header-value": "beta", "canary-by-header-pattern": "al.*"}), "alpha", "", false, false},
		"pattern":                                   {all(map[string]string{"canary-by-header-pattern": "^(de|at)$"}), "at", "never", false, true},
		"pattern that does not match falls through": {all(map[string]string{"canary-by-header-pattern": "^(de|at)$"}), "ch", "", true, true},
		"header without a name is no header":        {map[string]string{"canary-weight": "0"}, "always", "always", true, false},
		"weight 0 takes nothing":                    {map[string]string{"canary-weight": "0"}, "", "", true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := &http.Request{Header: http.Header{}}
			if test.header != "" {
				request.Header.Set("X-Canary", test.header)
			}
			if test.cookie != "" {
				request.AddCookie(&http.Cookie{Name: "canary", Value: test.cookie})
			}
			drawn := 99
			if test.byWeight {
				drawn = 0
			}
			if got := policyOf(t, test.annotations).takes(request, func(int) int { return drawn }); got != test.want {
				t.Errorf("canary %v, want %v", got, test.want)
			}
		})
	}
}

func TestCanaryWeight(t *testing.T) {
	const requests = 100_000
	tests := map[string]struct {
		weight, total string
		want          float64
	}{
		"none":                {"0", "", 0},
		"one in a hundred":    {"1", "", 0.01},
		"a fifth":             {"20", "", 0.2},
		"half":                {"50", "", 0.5},
		"all":                 {"100", "", 1},
		"of a larger total":   {"50", "1000", 0.05},
		"of a smaller total":  {"5", "10", 0.05}, // taken for 100
		"more than the total": {"150", "", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			annotations := map[string]string{"canary-weight": test.weight}
			if test.total != "" {
				annotations["canary-weight-total"] = test.total
			}
			policy, random, taken := policyOf(t, annotations), rand.New(rand.NewPCG(1, 2)), 0
			for range requests {
				if policy.takes(&http.Request{Header: http.Header{}}, random.IntN) {
					taken++
				}
			}
			deviation := math.Sqrt(requests * test.want * (1 - test.want))
			if got := float64(taken); math.Abs(got-requests*test.want) > 4*deviation {
				t.Errorf("%v of %v, want a share of %v", got, requests, test.want)
			}
		})
	}
}
