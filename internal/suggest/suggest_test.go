package suggest

import "testing"

func TestClosest(t *testing.T) {
	known := []string{"up", "plan", "down", "status", "namespace", "dependsOn", "rate"}
	for _, test := range []struct{ word, want string }{
		{"dwon", "down"},
		{"statsu", "status"},
		{"namespaces", "namespace"},
		{"depends_on", "dependsOn"},
		{"raet", "rate"},
		{"ip", "up"},
		{"kubernetes", ""},
		{"xyz", ""},
		{"", ""},
	} {
		if got := Closest(test.word, known); got != test.want {
			t.Errorf("Closest(%q) = %q, want %q", test.word, got, test.want)
		}
	}
}
