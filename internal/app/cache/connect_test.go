package cache

import (
	"strings"
	"testing"
)

func TestAURLThatCannotBeUsedIsRefusedWithoutItsPassword(t *testing.T) {
	for _, url := range []string{"http://:secret@host", "redis://:secret@host:port", "redis://:secret@host/one", ":secret%"} {
		err := ParseURL(url)
		if err == nil {
			t.Errorf("%s: no error", url)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the password: %v", url, err)
		}
	}
	if err := ParseURL("rediss://user:secret@host:6379/1"); err != nil {
		t.Errorf("a good URL: %v", err)
	}
}
