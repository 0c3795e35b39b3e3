package e2e

import "strings"

func securityChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"runAsUser":              runsAsUser,
		"runAsNonRoot":           refusesRoot,
		"a pod's user and group": podUser,
		"readOnlyRootFilesystem": readOnlyRoot,
		"service account":        serviceAccount,
		"Pod Security admission": podSecurity,
	}
}

func runsAsUser(l *lab) {
	l.apply("%s", shellPod("plain", "id -u; sleep 600", "")+"---"+
		shellPod("asked", "id -u; id -g; sleep 600", "    securityContext: {runAsUser: 1234, runAsGroup: 2345}\n"))
	l.logged("plain", "65532\n")
	l.logged("asked", "1234\n2345\n")
}

func refusesRoot(l *lab) {
	l.apply("%s", shellPod("root", "id -u; sleep 600", "    securityContext: {runAsUser: 0, runAsNonRoot: true}\n"))
	l.reaches("pod/root", ".status.containerStatuses[0].state.waiting.reason", "CreateContainerConfigError")
	l.want(l.must("describe", "pod", "root"), "container's runAsUser breaks non-root policy")
	l.apply("%s", shellPod("other", "id -u; sleep 600", "    securityContext: {runAsNonRoot: true}\n"))
	l.logged("other", "65532\n")
}

// podUser is the security context of the usual third-party chart.
func podUser(l *lab) {
	l.apply("%s", configObjects+shellPod("asked", "id -u; cat /keys/PASSWORD /etc/app/COLOUR; test -r /var/run/secrets/kubernetes.io/serviceaccount/token && touch /data/x && echo all is open; sleep 600", `
    volumeMounts: [{name: keys, mountPath: /keys}, {name: settings, mountPath: /etc/app}, {name: data, mountPath: /data}]
  securityContext: {runAsUser: 1001, runAsGroup: 1001, fsGroup: 1001, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  volumes: [{name: keys, secret: {secretName: keys}}, {name: settings, configMap: {name: settings}}, {name: data, emptyDir: {}}]
`))
	l.want(l.logged("asked", "all is open"), "1001\n", "s3cr3t $HOMEgreen")
}

func readOnlyRoot(l *lab) {
	l.apply("%s", shellPod("strict", "touch /etc/pocctl-e2e 2>&1; touch /data/fine && echo volume is writable; sleep 600", `
    securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, emptyDir: {}}]
`))
	l.want(l.logged("strict", "volume is writable"), "Read-only file system")
}

// serviceAccount asks the API from inside a pod, with nothing but what the pod
// was given: RBAC refuses, then allows.
func serviceAccount(l *lab) {
	l.must("create", "serviceaccount", "asker")
	l.apply("%s", shellPod("asker", "sleep 600", "  serviceAccountName: asker\n"))
	l.ready("pod/asker")
	ask := func(verb ...string) (string, string, int) {
		// Inside, kubectl must find the API by the pod's own means.
		result := l.kubectl(append([]string{"exec", "asker", "--", "env", "-u", "KUBECONFIG", "kubectl", "--cache-dir=/tmp"}, verb...)...)
		return result.Stdout, result.Stderr, result.Exit
	}
	if _, said, exit := ask("get", "pods"); exit == 0 || !strings.Contains(said, "system:serviceaccount:"+l.namespace+":asker") || !strings.Contains(said, "forbidden") {
		l.t.Errorf("without a role: exit %d, %s", exit, said)
	}
	l.must("create", "role", "reader", "--verb=get,list", "--resource=pods")
	l.must("create", "rolebinding", "asker-reads", "--role=reader", "--serviceaccount="+l.namespace+":asker")
	l.Eventually(patience, "the role to count", func() (bool, string) {
		out, said, exit := ask("get", "pods", "-o", "name")
		return exit == 0 && out == "pod/asker\n", out + said
	})
	if _, said, exit := ask("get", "pods", "-n", "kube-system"); exit == 0 {
		l.t.Errorf("it reads another namespace: %s", said)
	}
	if _, said, exit := ask("delete", "pod", "asker"); exit == 0 || !strings.Contains(said, "forbidden") {
		l.t.Errorf("it may delete: %s", said)
	}
}

func podSecurity(l *lab) {
	l.Must(l.Kubectl("label", "namespace", l.namespace, "pod-security.kubernetes.io/enforce=restricted"))
	result := l.Feed(shellPod("lax", "sleep 600", ""), "-n", l.namespace, "apply", "-f", "-")
	if result.Exit == 0 || !strings.Contains(result.Stderr, "violates PodSecurity") {
		l.t.Errorf("exit %d: %s", result.Exit, result.Stderr)
	}
}
