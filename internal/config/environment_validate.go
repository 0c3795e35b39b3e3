package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pocctl/pocctl/internal/suggest"
)

// label is a DNS label (RFC 1123), which Kubernetes wants of names and namespaces.
func label(name string) bool {
	return len(name) <= 63 && regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`).MatchString(name)
}

const labelFix = "use lower-case letters, digits and dashes, 63 at most"

func (e *Environment) validate(d *document) error {
	for _, check := range []func(*document) error{
		e.validateName, e.validateKind, e.validateAWS, e.validateIngress, e.validateAuth, e.validateImages,
		e.validateSecrets, e.validateReleases, e.validateOutputs, e.validateOrder, e.validateEndpoints, e.validateAbsent, e.validateSmoke, e.validateCanary, e.validateAlerts, e.validateLoad,
	} {
		if err := check(d); err != nil {
			return err
		}
	}
	return nil
}

func (e *Environment) validateName(d *document) error {
	if !label(e.Name) {
		return d.invalidAt(0, "", "rename the file: "+labelFix, "%q cannot name an environment", e.Name)
	}
	if !label(e.Namespace) {
		return d.invalid("namespace", labelFix, "is %q, which Kubernetes does not take", e.Namespace)
	}
	return nil
}

func (e *Environment) validateKind(d *document) error {
	kinds := []string{string(KindLocal), string(KindKind), string(KindAWS)}
	if slices.Contains(kinds, string(e.Kind)) {
		return nil
	}
	fix := "use one of " + strings.Join(kinds, ", ")
	if e.Kind == "" {
		return d.invalid("kind", fix, "is missing")
	}
	if near := suggest.Closest(string(e.Kind), kinds); near != "" {
		fix = fmt.Sprintf("did you mean %q? There are %s", near, strings.Join(kinds, ", "))
	}
	return d.invalid("kind", fix, "is %q, which is no kind of environment", e.Kind)
}

// validateIngress keeps the local environment on loopback: it has no other guard.
func (e *Environment) validateIngress(d *document) error {
	if e.Kind != KindLocal {
		return nil
	}
	address, err := netip.ParseAddrPort(e.Ingress.Address)
	if err != nil || !address.Addr().IsLoopback() || address.Port() == 0 {
		return d.invalid("ingress.address", "write a loopback address and a port, for example "+defaultAddress,
			"is %q; a loopback address is wanted", e.Ingress.Address)
	}
	return nil
}

func (e *Environment) validateAbsent(d *document) error {
	for _, name := range sortedKeys(e.Absent) {
		if key := "absent." + name; strings.TrimSpace(e.Absent[name]) == "" {
			return d.invalid(key, "write what to do instead, for example pocctl logs", "is empty")
		}
	}
	return nil
}

// clusterService is a namespace, a service with its port, and perhaps a path.
var clusterService = regexp.MustCompile(`^/[a-z0-9-]+/[a-z0-9-]+:[a-z0-9-]+(/[A-Za-z0-9/._-]*)?$`)

func (e *Environment) validateEndpoints(d *document) error {
	for _, name := range sortedKeys(e.Endpoints) {
		key := join("endpoints", name)
		address := strings.Replace(e.Endpoints[name], IngressURL, "http://"+defaultAddress, 1)
		inside, is := strings.CutPrefix(address, ClusterURL)
		if is && !clusterService.MatchString(inside) {
			return d.invalid(key, "write "+ClusterURL+"/NAMESPACE/SERVICE:PORT", "is %q, which names no service in the cluster", e.Endpoints[name])
		}
		if is {
			address = "http://" + defaultAddress + inside
		}
		at, err := url.Parse(address)
		switch {
		case !label(name) || name == "app" || name == "kubeconfig":
			return d.invalid(key, labelFix+"; app and kubeconfig are there already", "cannot name an endpoint")
		case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https":
			return d.invalid(key, "write a URL, for example "+IngressURL+"/prometheus", "is %q, which is no URL", e.Endpoints[name])
		}
	}
	return nil
}

func (e *Environment) validateImages(d *document) error {
	for _, name := range sortedKeys(e.Images) {
		key := join("images", name)
		switch program := e.Images[name].Program; {
		case e.Kind != KindLocal:
			return d.invalid("images", "remove it, or set kind: local", "is for kind local; this environment is of kind %s", e.Kind)
		case program == "":
			return d.invalid(key+".program", "give the path of a program on this machine", "is missing")
		case !filepath.IsAbs(program):
			return d.invalid(key+".program", "give its absolute path", "is %q, which is relative to no folder here", program)
		}
	}
	return nil
}

func (e *Environment) validateSecrets(d *document) error {
	for i, secret := range e.Secrets {
		key := fmt.Sprintf("secrets[%d]", i)
		switch {
		case !label(secret.Name):
			return d.invalid(key+".name", labelFix, "is %q, which Kubernetes does not take", secret.Name)
		case len(secret.Keys) == 0:
			return d.invalid(key+".keys", "list the keys to make passwords for, for example [password]", "is empty")
		}
	}
	return nil
}

func (e *Environment) validateSmoke(d *document) error {
	names := e.releaseNames()
	switch {
	case e.Smoke.Release == "":
		return nil
	case !slices.Contains(names, e.Smoke.Release):
		return d.invalid("smoke.release", fixRelease(e.Smoke.Release, names), "is %q, which is no release of this environment", e.Smoke.Release)
	case !strings.HasPrefix(e.Smoke.Path, "/"):
		return d.invalid("smoke.path", "write the API's base path, for example /api/v1", "is %q; it has to begin with /", e.Smoke.Path)
	}
	return nil
}

func (e *Environment) validateAlerts(d *document) error {
	if _, there := e.Endpoints[e.Alerts.Inbox]; e.Alerts.Drill && !there {
		return d.invalid("alerts.inbox", "add endpoints: {"+e.Alerts.Inbox+": URL}", "names the endpoint %q, which is not there", e.Alerts.Inbox)
	}
	return nil
}

func (e *Environment) validateCanary(d *document) error {
	const most = 1_000_000
	if e.Canary.Release == "" {
		return nil
	}
	_, measured := e.Endpoints[e.Canary.Prometheus]
	switch {
	case !slices.Contains(e.releaseNames(), e.Canary.Release):
		return d.invalid("canary.release", "name one of "+strings.Join(e.releaseNames(), ", "), "is %q, which is no release here", e.Canary.Release)
	case !measured:
		return d.invalid("canary.prometheus", "add endpoints: {"+e.Canary.Prometheus+": URL}", "names the endpoint %q, which is not there", e.Canary.Prometheus)
	case e.Canary.Rate < 0 || e.Canary.Rate > most:
		return d.invalid("canary.rate", "write requests a second, or 0 for none", "is %d; it has to be from 0 to %d", e.Canary.Rate, most)
	case !(e.Canary.MemoryGrowth >= 0) || e.Canary.MemoryGrowth > most:
		return d.invalid("canary.memoryGrowth", "write MiB a second, for example 4, or 0 to leave memory alone", "is %g; it has to be from 0 to %d", e.Canary.MemoryGrowth, most)
	case e.Canary.Samples < 1 || e.Canary.Samples > most:
		return d.invalid("canary.samples", "write a number of requests, for example 100", "is %d; it has to be from 1 to %d", e.Canary.Samples, most)
	}
	return nil
}

func (e *Environment) validateLoad(d *document) error {
	const most = 1_000_000 // requests a second; more is a slip of the hand
	switch {
	case e.Load.Rate < 1 || e.Load.Rate > most:
		return d.invalid("load.rate", "write requests a second, for example 300", "is %d; it has to be from 1 to %d", e.Load.Rate, most)
	case e.Load.Duration == 0:
		return d.invalid("load.duration", "write how long to measure, for example 30s", "is 0")
	case e.Load.Path != "" && !strings.HasPrefix(e.Load.Path, "/"):
		return d.invalid("load.path", "write the API's base path, for example /api/v1", "is %q; it has to begin with /", e.Load.Path)
	}
	return nil
}
