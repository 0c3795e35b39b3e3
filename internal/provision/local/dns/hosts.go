package dns

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pocctl/pocctl/internal/provision/local/endpoints"
)

// hostsFiles keeps one hosts file for each namespace that has asked for one.
type hostsFiles struct {
	zone    zone
	dir     string
	machine []byte

	mu      sync.Mutex
	written map[string][]byte // by namespace
}

func newHostsFiles(inside zone, dir, machinePath string) (*hostsFiles, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // pods of any user read it
		return nil, fmt.Errorf("make hosts directory: %w", err)
	}
	machine, err := os.ReadFile(machinePath)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the machine's hosts: %w", err)
	}
	return &hostsFiles{zone: inside, dir: dir, machine: machine, written: map[string][]byte{}}, nil
}

func (h *hostsFiles) file(namespace string) (string, error) {
	if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
		return "", fmt.Errorf("make hosts file: %q is no namespace: %s", namespace, strings.Join(problems, "; "))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return filepath.Join(h.dir, namespace), h.write(namespace)
}

func (h *hostsFiles) rewrite() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var failures []error
	for namespace := range h.written {
		failures = append(failures, h.write(namespace))
	}
	return errors.Join(failures...)
}

func (h *hostsFiles) write(namespace string) error {
	content := h.content(namespace)
	path := filepath.Join(h.dir, namespace)
	if previous, known := h.written[namespace]; known && bytes.Equal(previous, content) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	if err := writeInPlace(path, content); err != nil {
		return fmt.Errorf("write hosts file: %w", err)
	}
	h.written[namespace] = content
	return nil
}

// writeInPlace keeps the inode, since the file is bind-mounted over /etc/hosts.
// The old length is padded with empty lines before it is cut, so that whoever
// reads between the two sees whole lines.
func writeInPlace(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644) //nolint:gosec // pods of any user read it
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	padding := max(0, int(info.Size())-len(content))
	if _, err := file.WriteAt(append(slices.Clone(content), bytes.Repeat([]byte("\n"), padding)...), 0); err != nil {
		return err
	}
	if err := file.Truncate(int64(len(content))); err != nil {
		return err
	}
	return file.Close()
}

// content lists the cluster's names first, so that a Service wins over a name of
// the machine. An ExternalName that points outside the cluster has no line: a
// hosts file cannot hold an alias.
func (h *hostsFiles) content(namespace string) []byte {
	services := h.zone.services.List()
	slices.SortFunc(services, func(a, b *endpoints.Service) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	var out bytes.Buffer
	out.WriteString("# Names of the cluster, as seen from namespace " + namespace + ".\n")
	for _, service := range services {
		for _, addr := range h.resolve(service) {
			h.line(&out, addr, service, "", namespace)
		}
		for _, endpoint := range service.Endpoints {
			if service.Headless && endpoint.Hostname != "" {
				h.line(&out, endpoint.Addr, service, endpoint.Hostname+".", namespace)
			}
		}
	}
	out.WriteString("# Names of this machine.\n")
	if !hasLocalhost(h.machine) {
		out.WriteString("127.0.0.1 localhost\n")
	}
	out.Write(h.machine)
	if !bytes.HasSuffix(h.machine, []byte("\n")) {
		out.WriteString("\n")
	}
	return out.Bytes()
}

func (h *hostsFiles) line(out *bytes.Buffer, addr netip.Addr, service *endpoints.Service, host, namespace string) {
	full := host + service.Name + "." + service.Namespace
	out.WriteString(addr.String())
	if service.Namespace == namespace {
		out.WriteString(" " + host + service.Name)
	}
	fmt.Fprintf(out, " %s %s.svc %s.svc.%s\n", full, full, full, strings.TrimSuffix(h.zone.domain, "."))
}

// resolve gives a Service's addresses, following ExternalNames within the cluster.
func (h *hostsFiles) resolve(service *endpoints.Service) []netip.Addr {
	const mostAliases = 8
	found := records{addresses: addressesOf(service), cname: cname(service)}
	for range mostAliases {
		if found.cname == "" || !h.zone.holds(found.cname) {
			break
		}
		found = h.zone.lookup(found.cname)
	}
	return found.addresses
}

func hasLocalhost(hosts []byte) bool {
	for line := range strings.Lines(string(hosts)) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 1 && slices.Contains(fields[1:], "localhost") {
			return true
		}
	}
	return false
}
