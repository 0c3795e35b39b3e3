package e2e

import "strings"

func volumeChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"emptyDir is shared":            emptyDirShared,
		"emptyDir outlives a container": emptyDirOutlives,
		"a claim outlives its pod":      claimOutlives,
		"StatefulSet":                   statefulSet,
		"hostPath":                      hostPath,
		"a container's own tmp":         ownTemporary,
	}
}

func emptyDirShared(l *lab) {
	l.apply(`
apiVersion: v1
kind: Pod
metadata: {name: pair}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: shared, emptyDir: {}}]
  containers:
  - {name: writer, image: busybox, command: [sh, -c, "echo from the writer > /out/file; sleep 600"], volumeMounts: [{name: shared, mountPath: /out}]}
  - {name: reader, image: busybox, command: [sh, -c, "while ! [ -s /in/file ]; do sleep 0.1; done; cat /in/file; echo x >> /in/file || echo only reads; sleep 600"], volumeMounts: [{name: shared, mountPath: /in, readOnly: true}]}
`)
	l.want(l.logged("pair", "only reads"), "from the writer")
}

func emptyDirOutlives(l *lab) {
	l.apply("%s", shellPod("counter", "echo >> /data/lives; wc -l < /data/lives; sleep 1; exit 1",
		"    volumeMounts: [{name: data, mountPath: /data}]\n  volumes: [{name: data, emptyDir: {}}]\n"))
	l.logged("counter", "2\n")
}

func claimOutlives(l *lab) {
	l.apply(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
`)
	more := "    volumeMounts: [{name: data, mountPath: /data}]\n  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n"
	l.apply("%s", shellPod("writer", "echo kept > /data/file; echo written; sleep 600", more))
	l.logged("writer", "written")
	l.must("delete", "pod", "writer", "--timeout=60s")
	l.apply("%s", shellPod("reader", "cat /data/file; sleep 600", more))
	l.logged("reader", "kept")
	l.must("delete", "pod", "reader", "--timeout=60s")
	volume := l.get("pvc/data", ".spec.volumeName")
	l.must("delete", "pvc", "data", "--timeout=60s")
	l.Eventually(patience, "the volume to go with its claim", func() (bool, string) {
		result := l.kubectl("get", "pv", volume)
		return result.Exit != 0, result.Stdout
	})
}

// statefulSet gives stable names, a DNS name for each, and each its own data.
func statefulSet(l *lab) {
	l.apply(`
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      initContainers:
      - name: mark
        image: busybox
        command: [sh, -c, "echo life of $HOSTNAME >> /data/name"]
        volumeMounts: [{name: data, mountPath: /data}]
      containers:
      - name: greeter
        image: %s
        env:
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: NAME_FILE, value: /data/name}
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
`, greeterImage)
	l.must("rollout", "status", "statefulset/db", "--timeout=60s")
	if names := l.must("get", "pods", "-l", "app=db", "-o", "jsonpath={.items[*].metadata.name}"); names != "db-0 db-1" {
		l.t.Errorf("the pods are %s", names)
	}
	l.apply("%s", clientPod)
	l.ready("pod/caller")
	for _, pod := range []string{"db-0", "db-1"} {
		l.Eventually(patience, pod+" by its own name", func() (bool, string) {
			result := l.kubectl("exec", "caller", "--", "greeter", "get", "http://"+pod+".db:8080/")
			return strings.Contains(result.Stdout, "life of "+pod) && strings.Contains(result.Stdout, "from "+pod), result.Stdout + result.Stderr
		})
	}
	before := l.get("pod/db-1", ".metadata.uid")
	l.must("delete", "pod", "db-1", "--timeout=60s")
	l.must("rollout", "status", "statefulset/db", "--timeout=60s")
	if l.get("pod/db-1", ".metadata.uid") == before {
		l.t.Error("the pod is the same one")
	}
	if out := l.must("exec", "db-1", "--", "cat", "/data/name"); out != "life of db-1\nlife of db-1\n" {
		l.t.Errorf("after the pod was deleted its data is %q", out)
	}
	l.Eventually(patience, "the new pod by the old name", func() (bool, string) {
		result := l.kubectl("exec", "caller", "--", "greeter", "get", "http://db-1.db:8080/")
		return strings.Contains(result.Stdout, "from db-1"), result.Stdout + result.Stderr
	})
}

func hostPath(l *lab) {
	l.Write("host/file", "the machine's\n")
	l.apply("%s", shellPod("reader", "cat /machine/file; sleep 600",
		"    volumeMounts: [{name: machine, mountPath: /machine, readOnly: true}]\n  volumes: [{name: machine, hostPath: {path: "+l.Home+"/host, type: Directory}}]\n"))
	l.logged("reader", "the machine's")
}

func ownTemporary(l *lab) {
	l.apply("%s", shellPod("one", "touch /tmp/pocctl-e2e-own; sleep 600", "    readinessProbe: {exec: {command: [test, -e, /tmp/pocctl-e2e-own]}, periodSeconds: 1}\n"))
	l.ready("pod/one")
	l.apply("%s", shellPod("two", "sleep 600", ""))
	l.ready("pod/two")
	if result := l.kubectl("exec", "two", "--", "ls", "/tmp/pocctl-e2e-own"); result.Exit == 0 {
		l.t.Error("one pod sees the other's /tmp")
	}
}
