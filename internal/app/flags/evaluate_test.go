package flags

import (
	"fmt"
	"math"
	"testing"

	"github.com/open-feature/go-sdk/openfeature"
)

// compiled is the flag x of a file, with the keys besides description and type
// boolean.
func compiled(t testing.TB, keys string) *flag {
	t.Helper()
	rules, err := parse([]byte(with("description: d\ntype: boolean\n" + keys)))
	if err != nil {
		t.Fatal(err)
	}
	return compile(rules.flags["x"], rules.revision, nil)
}

func TestTheFirstRuleThatMatchesCounts(t *testing.T) {
	type is struct {
		subject Subject
		variant string
		reason  openfeature.Reason
	}
	const variants = "default: off\nvariants: {on: true, off: false, third: true}\n"
	tests := []struct {
		name, keys string
		is         []is
	}{
		{"no rules", variants, []is{{Subject{}, "off", openfeature.StaticReason}}},
		{"not enabled", variants + "enabled: false\nrules:\n- {roles: [anonymous], variant: on}", []is{
			{Subject{}, "off", openfeature.DisabledReason},
			{Subject{Role: "admin"}, "off", openfeature.DisabledReason},
		}},
		{"by role", variants + "rules:\n- {roles: [admin, anonymous], variant: on}", []is{
			{Subject{Role: "admin"}, "on", openfeature.TargetingMatchReason},
			{Subject{Role: "editor"}, "off", openfeature.DefaultReason},
			{Subject{Role: ""}, "on", openfeature.TargetingMatchReason},
		}},
		{"by subject", variants + "rules:\n- {subjects: [ann, ben], variant: on}", []is{
			{Subject{Subject: "ann"}, "on", openfeature.TargetingMatchReason},
			{Subject{Subject: "cid"}, "off", openfeature.DefaultReason},
			{Subject{Address: "ann"}, "off", openfeature.DefaultReason},
		}},
		{"all, then none", variants + "rules:\n- {percent: 100, variant: on}\n- {roles: [anonymous], variant: third}", []is{
			{Subject{Subject: "ann"}, "on", openfeature.SplitReason},
			{Subject{Address: "192.0.2.1"}, "on", openfeature.SplitReason},
			{Subject{}, "third", openfeature.TargetingMatchReason}, // nothing to count by
		}},
		{"none", variants + "rules:\n- {percent: 0, variant: on}", []is{{Subject{Subject: "ann"}, "off", openfeature.DefaultReason}}},
		{"subjects alone", variants + "rules:\n- {percent: 100, by: subject, variant: on}", []is{
			{Subject{Subject: "ann"}, "on", openfeature.SplitReason},
			{Subject{Address: "192.0.2.1"}, "off", openfeature.DefaultReason},
		}},
		{"addresses alone", variants + "rules:\n- {percent: 100, by: address, variant: on}", []is{
			{Subject{Subject: "ann"}, "off", openfeature.DefaultReason},
			{Subject{Address: "192.0.2.1"}, "on", openfeature.SplitReason},
		}},
		{"all conditions", variants + "rules:\n- {roles: [editor], subjects: [ann], percent: 100, variant: on}\n- {roles: [editor], variant: third}", []is{
			{Subject{Role: "editor", Subject: "ann"}, "on", openfeature.SplitReason},
			{Subject{Role: "editor", Subject: "ben"}, "third", openfeature.TargetingMatchReason},
			{Subject{Role: "viewer", Subject: "ann"}, "off", openfeature.DefaultReason},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			flag := compiled(t, test.keys)
			for _, want := range test.is {
				got := flag.resolve(&want.subject)
				if got.variant != want.variant || got.reason != want.reason {
					t.Errorf("%+v: %s, %s; want %s, %s", want.subject, got.variant, got.reason, want.variant, want.reason)
				}
			}
		})
	}
}

func subjectNumber(i int) Subject { return Subject{Subject: fmt.Sprintf("user-%d", i)} }

func TestAPercentageIsOne(t *testing.T) {
	const subjects = 50_000
	before := map[int]bool{} // who is in a smaller share is in the larger ones
	for _, share := range []float64{0.1, 1, 10, 20, 50, 99.9, 100} {
		flag := compiled(t, fmt.Sprintf("default: off\nrules:\n- {percent: %v, variant: on}", share))
		on := 0
		for i := range subjects {
			subject := subjectNumber(i)
			matches := flag.resolve(&subject).value == true
			if matches {
				on++
			}
			if before[i] && !matches {
				t.Fatalf("%s was in, but is out at %v%%", subject.Subject, share)
			}
			before[i] = matches
		}
		want := subjects * share / 100
		margin := 4 * math.Sqrt(want*(1-share/100)) // standard deviations of a binomial distribution
		if math.Abs(float64(on)-want) > margin {
			t.Errorf("%d of %d are in %v%%, want %.0f give or take %.0f", on, subjects, share, want, margin)
		}
	}
}

func TestPlacesAreEven(t *testing.T) {
	const identities, bins = 100_000, 100
	for _, form := range []string{"user-%d", "10.0.%d.1", "%d", "00000000-0000-7000-8000-%012d"} {
		var counts [bins]float64
		seed := hash(offsetBasis, "x\x00")
		for i := range identities {
			counts[int(place(seed, fmt.Sprintf(form, i)))]++
		}
		chiSquare := 0.0
		for _, count := range counts {
			chiSquare += (count - identities/bins) * (count - identities/bins) / (identities / bins)
		}
		if chiSquare > 150 { // exceeded by chance once in 1,300 (99 degrees of freedom)
			t.Errorf("places of %s have a chi-square of %.0f over %d bins", form, chiSquare, bins)
		}
	}
}

func TestFlagsDrawTheirSharesApart(t *testing.T) {
	one, other := hash(offsetBasis, "one\x00"), hash(offsetBasis, "other\x00")
	const subjects = 40_000
	both := 0
	for i := range subjects {
		id := subjectNumber(i).Subject
		if place(one, id) < 50 && place(other, id) < 50 {
			both++
		}
	}
	if want := subjects / 4; math.Abs(float64(both-want)) > 400 {
		t.Errorf("%d of %d are in the half of both flags, want about %d", both, subjects, want)
	}
}

// A release that places people elsewhere takes features from them. The figures
// were computed apart from this code.
func TestPlacesNeverChange(t *testing.T) {
	for _, test := range []struct {
		key, identity string
		want          float64
	}{
		{"experimental-search", "alice", 64.699558856645},
		{"experimental-search", "bob", 20.581309654000},
		{"experimental-search", "192.0.2.17", 93.938930201521},
		{"product-cache", "alice", 60.092300264095},
		{"product-cache", "Zoë", 37.194721853105},
	} {
		got := place(hash(offsetBasis, test.key+"\x00"), test.identity)
		if math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s is at %.12f for %s, want %.12f", test.identity, got, test.key, test.want)
		}
	}
}
