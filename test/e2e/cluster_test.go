package e2e

import "strings"

func clusterChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"a namespace takes all with it": namespaceCollected,
		"owners are collected":          ownersCollected,
		"NetworkPolicy is accepted":     networkPolicy,
		"quota and limits":              quota,
		"bad manifests are refused":     refused,
		"pod disruption budget":         disruptionBudget,
	}
}

func namespaceCollected(l *lab) {
	inner := *l
	inner.namespace += "-inner"
	l.must("create", "namespace", inner.namespace)
	inner.Eventually(patience, "the namespace's default service account", func() (bool, string) {
		result := inner.kubectl("get", "serviceaccount", "default")
		return result.Exit == 0, result.Stderr
	})
	inner.greeter("web", 2)
	address := inner.get("service/web", ".spec.clusterIP")
	inner.apply("%s", route("web", "collected.test", "/", "web"))
	inner.answered("collected.test", "/", "from web-")
	l.must("delete", "namespace", inner.namespace, "--timeout=90s")
	l.Eventually(patience, "its route to go", func() (bool, string) {
		code, body := l.ask("collected.test", "/")
		return code == 404, body
	})
	l.apply("%s", clientPod)
	l.ready("pod/caller")
	if result := l.kubectl("exec", "caller", "--", "greeter", "get", "http://"+address+":8080/"); result.Exit == 0 {
		l.t.Error("its Service still answers")
	}
	for _, line := range l.Processes() {
		if strings.Contains(line, inner.namespace) {
			l.t.Errorf("a process is left: %s", line)
		}
	}
}

func ownersCollected(l *lab) {
	l.greeter("web", 2)
	l.must("delete", "deployment", "web", "--timeout=60s")
	l.Eventually(patience, "ReplicaSets and pods to go", func() (bool, string) {
		left := l.must("get", "replicasets,pods", "-l", "app=web", "--no-headers")
		return left == "", left
	})
}

// networkPolicy is accepted and, as documented, not enforced.
func networkPolicy(l *lab) {
	l.greeter("web", 1)
	l.apply(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
`)
	l.answers("http://web:8080/", 1)
}

func quota(l *lab) {
	l.must("create", "quota", "small", "--hard=pods=1")
	l.reaches("resourcequota/small", ".status.hard.pods", "1")
	l.apply("%s", shellPod("one", "sleep 600", ""))
	result := l.Feed(shellPod("two", "sleep 600", ""), "-n", l.namespace, "apply", "-f", "-")
	if result.Exit == 0 || !strings.Contains(result.Stderr, "exceeded quota") {
		l.t.Errorf("exit %d: %s", result.Exit, result.Stderr)
	}
}

func refused(l *lab) {
	for manifest, want := range map[string]string{
		"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n":                   "spec.containers: Required value",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, imag: b}]}\n": `unknown field "spec.containers[0].imag"`,
		"apiVersion: example.com/v1\nkind: Unheard\nmetadata: {name: x}\n":                           "no matches for kind",
		"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 70000}]}\n":       "must be between 1 and 65535",
	} {
		result := l.Feed(manifest, "-n", l.namespace, "apply", "-f", "-")
		if result.Exit == 0 || !strings.Contains(result.Stderr, want) {
			l.t.Errorf("exit %d: %s; it should say %q", result.Exit, result.Stderr, want)
		}
	}
}

func disruptionBudget(l *lab) {
	l.greeter("web", 2)
	l.must("create", "pdb", "web", "--selector=app=web", "--min-available=2")
	l.reaches("pdb/web", ".status.currentHealthy", "2")
	pod := l.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
	eviction := `{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "` + pod + `", "namespace": "` + l.namespace + `"}}`
	result := l.Feed(eviction, "create", "--raw", "/api/v1/namespaces/"+l.namespace+"/pods/"+pod+"/eviction", "-f", "-")
	if result.Exit == 0 || !strings.Contains(result.Stderr, "disruption budget") {
		l.t.Errorf("exit %d: %s", result.Exit, result.Stderr)
	}
}
