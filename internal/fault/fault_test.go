package fault

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// TestCatalogue reads the source, so that a code without an entry cannot be
// forgotten.
func TestCatalogue(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "catalogue.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, isValue := node.(*ast.ValueSpec)
		if !isValue || fmt.Sprint(spec.Type) != "Code" {
			return true
		}
		codes++
		literal := spec.Values[0].(*ast.BasicLit)
		code := Code(strings.Trim(literal.Value, `"`))
		entry, known := catalogue[code]
		if !known {
			t.Errorf("%s has no entry", code)
			return true
		}
		if !regexp.MustCompile(`^[a-z][a-z-]+[a-z]$`).MatchString(string(code)) {
			t.Errorf("%q is not in the form of a code", code)
		}
		if entry.message == "" || entry.fix == "" || entry.exit == ExitDone {
			t.Errorf("%s lacks a message, a fix or an exit code: %+v", code, entry)
		}
		return true
	})
	if codes != len(catalogue) || codes == 0 {
		t.Errorf("%d codes and %d entries", codes, len(catalogue))
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("permission denied")
	made := New(StateDirUnwritable, "path", "/state").Because(cause)
	if want := "the state directory /state is not writable: permission denied"; made.Error() != want {
		t.Errorf("got %q", made.Error())
	}
	if !errors.Is(made, cause) {
		t.Error("the cause is lost")
	}

	wrapped := fmt.Errorf("provision: %w", made)
	if ExitCode(wrapped) != ExitUsage {
		t.Errorf("exit %d", ExitCode(wrapped))
	}
	shown := From(wrapped)
	if shown.Code != StateDirUnwritable || !strings.HasPrefix(shown.Message, "provision: ") || shown.Fix != made.Fix {
		t.Errorf("shown as %+v", shown)
	}

	unknown := From(errors.New("odd"))
	if unknown.Code != Internal || !strings.Contains(unknown.Message, "odd") || ExitCode(unknown) != ExitFailed {
		t.Errorf("an unknown error is shown as %+v", unknown)
	}
	if From(nil) != nil || ExitCode(nil) != ExitDone || ExitCode(errors.New("odd")) != ExitFailed {
		t.Error("nil or an unknown error has the wrong exit code")
	}
	if odd := New("no-such-code"); !strings.Contains(odd.Message, "no-such-code") {
		t.Errorf("a code without an entry gives %q", odd.Message)
	}
}
