//go:build linux

package runtime

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/shim"
)

// substitute writes the machine's path of a mount in place of the container's,
// wherever that stands in text as a path or the beginning of one. The longest
// mount path wins.
func substitute(text string, mounts []shim.Mount) string {
	ordered := slices.SortedStableFunc(slices.Values(mounts), func(a, b shim.Mount) int {
		return cmp.Compare(len(b.Target), len(a.Target))
	})
	var out strings.Builder
	for i := 0; i < len(text); {
		mount := mountAt(text, i, ordered)
		if mount == nil {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString(mount.Source)
		i += len(mount.Target)
	}
	return out.String()
}

func mountAt(text string, at int, mounts []shim.Mount) *shim.Mount {
	if text[at] != '/' || !startsPath(text[:at]) {
		return nil
	}
	for i := range mounts {
		target := mounts[i].Target
		if strings.HasPrefix(text[at:], target) && endsName(text[at+len(target):]) {
			return &mounts[i]
		}
	}
	return nil
}

// startsPath tells whether a slash after this text begins an absolute path.
func startsPath(before string) bool {
	if before == "" || strings.HasSuffix(before, "://") { // file:///data
		return true
	}
	last := before[len(before)-1]
	return !inName(last) && last != '/'
}

func endsName(after string) bool { return after == "" || !inName(after[0]) }

func inName(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b >= 0x80:
		return true
	}
	return strings.IndexByte("._-~+@%", b) >= 0
}
