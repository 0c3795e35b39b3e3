package e2e

import (
	"slices"
	"strings"
)

func serviceChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"Service by name and ClusterIP": serviceReached,
		"headless Service":              serviceHeadless,
		"Service of another namespace":  serviceElsewhere,
		"Service follows its selector":  serviceSelector,
	}
}

// clientPod is one that asks others, by `greeter get URL`.
const clientPod = `
apiVersion: v1
kind: Pod
metadata: {name: caller}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: ` + greeterImage + `, command: [sleep, "600"]}]
`

// answers asks a URL again and again from the pod called caller, which it makes,
// and counts the answers of each pod.
func (l *lab) answers(url string, times int) map[string]int {
	l.t.Helper()
	l.apply("%s", clientPod)
	l.ready("pod/caller")
	urls := slices.Repeat([]string{url}, times)
	result := l.kubectl(append([]string{"exec", "caller", "--", "greeter", "get"}, urls...)...)
	seen := map[string]int{}
	for line := range strings.Lines(l.Must(result)) {
		_, pod, found := strings.Cut(strings.TrimSpace(line), ", from ")
		if !found {
			l.t.Fatalf("%s answers %q", url, line)
		}
		seen[pod]++
	}
	return seen
}

func serviceReached(l *lab) {
	l.greeter("web", 3)
	address := l.get("service/web", ".spec.clusterIP")
	for _, url := range []string{"http://web:8080/", "http://web." + l.namespace + ".svc.cluster.local:8080/", "http://" + address + ":8080/"} {
		if seen := l.answers(url, 12); len(seen) != 3 {
			l.t.Errorf("%s: answers of 3 pods are %v", url, seen)
		}
	}
	l.must("scale", "deployment/web", "--replicas=1")
	l.must("wait", "deployment/web", "--for=jsonpath={.status.replicas}=1", "--timeout=60s")
	if seen := l.answers("http://web:8080/", 6); len(seen) != 1 {
		l.t.Errorf("with one pod left, answers are %v", seen)
	}
}

func serviceHeadless(l *lab) {
	l.apply("%s", strings.Replace(greeterDeployment("web", 2), "spec:\n  selector: {app: web}\n", "spec:\n  clusterIP: None\n  selector: {app: web}\n", 1))
	l.must("rollout", "status", "deployment/web", "--timeout=60s")
	l.answers("http://web:8080/", 2)
	addresses := strings.Fields(l.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].status.podIP}"))
	l.Eventually(patience, "the name to stand for both pods", func() (bool, string) {
		hosts := l.must("exec", "caller", "--", "cat", "/etc/hosts")
		return strings.Contains(hosts, addresses[0]) && strings.Contains(hosts, addresses[1]), hosts
	})
}

func serviceElsewhere(l *lab) {
	l.greeter("web", 1)
	l.must("create", "namespace", l.namespace+"-far")
	defer l.kubectl("delete", "namespace", l.namespace+"-far", "--wait=false")
	far := *l
	far.namespace += "-far"
	far.Eventually(patience, "the namespace's default service account", func() (bool, string) {
		result := far.kubectl("get", "serviceaccount", "default")
		return result.Exit == 0, result.Stderr
	})
	if seen := far.answers("http://web."+l.namespace+":8080/", 2); len(seen) != 1 {
		l.t.Errorf("answers are %v", seen)
	}
	if result := far.kubectl("exec", "caller", "--", "greeter", "get", "http://web:8080/"); result.Exit == 0 {
		l.t.Error("the short name reaches into another namespace")
	}
}

func serviceSelector(l *lab) {
	l.greeter("blue", 1)
	l.greeter("green", 1)
	seen := l.answers("http://blue:8080/", 2)
	for pod := range seen {
		if !strings.HasPrefix(pod, "blue-") {
			l.t.Errorf("blue is answered by %s", pod)
		}
	}
	l.must("patch", "service", "blue", "-p", `{"spec": {"selector": {"app": "green"}}}`)
	l.Eventually(patience, "the Service to change over", func() (bool, string) {
		out := l.must("exec", "caller", "--", "greeter", "get", "http://blue:8080/")
		return strings.Contains(out, "from green-"), out
	})
}
