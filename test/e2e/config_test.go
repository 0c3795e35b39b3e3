package e2e

import (
	"strings"
)

func configChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"ConfigMap and Secret in env":     configEnv,
		"ConfigMap and Secret in volumes": configVolumes,
		"a changed ConfigMap":             configChanges,
		"subPath":                         configSubPath,
		"projected volume":                configProjected,
		"downward API in env":             downwardEnv,
		"downward API in a volume":        downwardVolume,
		"a ConfigMap that is missing":     configMissing,
	}
}

const configObjects = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {COLOUR: green, app.conf: "depth = 3\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {PASSWORD: "s3cr3t $HOME"}
---
`

func configEnv(l *lab) {
	l.apply("%s", configObjects+shellPod("reader", `echo "$COLOUR $PREFIX_COLOUR $ONE $TWO $COMPOSED $ABSENT."; sleep 600`, `
    envFrom: [{configMapRef: {name: settings}}, {prefix: PREFIX_, configMapRef: {name: settings}}]
    env:
    - {name: ONE, valueFrom: {configMapKeyRef: {name: settings, key: COLOUR}}}
    - {name: TWO, valueFrom: {secretKeyRef: {name: keys, key: PASSWORD}}}
    - {name: COMPOSED, value: "<$(ONE)>"}
    - {name: ABSENT, valueFrom: {configMapKeyRef: {name: nowhere, key: x, optional: true}}}
`))
	l.logged("reader", "green green green s3cr3t $HOME <green> .")
}

func configVolumes(l *lab) {
	l.apply("%s", configObjects+shellPod("reader", `cat /etc/app/app.conf /etc/keys/pass; stat -Lc %a /etc/keys/pass; ls /etc/app; touch /etc/app/x || echo read-only; sleep 600`, `
    volumeMounts: [{name: settings, mountPath: /etc/app}, {name: keys, mountPath: /etc/keys}]
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: keys, secret: {secretName: keys, defaultMode: 0400, items: [{key: PASSWORD, path: pass}]}}
`))
	l.want(l.logged("reader", "read-only"), "depth = 3\ns3cr3t $HOME400\nCOLOUR\napp.conf\n")
}

// configChanges follows a ConfigMap in a volume: the kubelet brings the change
// in its own time, all files at once.
func configChanges(l *lab) {
	l.apply("%s", configObjects+shellPod("reader", "sleep 600", `
    volumeMounts: [{name: settings, mountPath: /etc/app}]
  volumes: [{name: settings, configMap: {name: settings}}]
`))
	l.ready("pod/reader")
	l.must("patch", "configmap", "settings", "-p", `{"data": {"COLOUR": "blue"}}`)
	l.Eventually(2*patience, "the change to reach the volume", func() (bool, string) {
		out := l.must("exec", "reader", "--", "cat", "/etc/app/COLOUR")
		return out == "blue", out
	})
}

func configSubPath(l *lab) {
	l.apply("%s", configObjects+shellPod("reader", `cat /etc/pocctl-app.conf; ls /work; echo more > /work/file; cat /whole/part/file; sleep 600`, `
    volumeMounts:
    - {name: settings, mountPath: /etc/pocctl-app.conf, subPath: app.conf}
    - {name: data, mountPath: /work, subPath: part}
    - {name: data, mountPath: /whole}
  volumes: [{name: settings, configMap: {name: settings}}, {name: data, emptyDir: {}}]
`))
	if out := l.logged("reader", "more"); out != "depth = 3\nmore\n" {
		l.t.Errorf("it said %q", out)
	}
}

func configProjected(l *lab) {
	l.apply("%s", configObjects+shellPod("reader", `cat /all/one /all/two /all/name; echo; test -s /all/token && echo token; sleep 600`, `
    volumeMounts: [{name: all, mountPath: /all}]
  volumes:
  - name: all
    projected:
      sources:
      - {configMap: {name: settings, items: [{key: app.conf, path: one}]}}
      - {secret: {name: keys, items: [{key: PASSWORD, path: two}]}}
      - {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}
      - {serviceAccountToken: {path: token, audience: somebody, expirationSeconds: 600}}
`))
	l.want(l.logged("reader", "token"), "depth = 3\ns3cr3t $HOMEreader\ntoken\n")
}

func downwardEnv(l *lab) {
	l.apply("%s", shellPod("self", `echo "$NAME $NAMESPACE $APP $NODE $CPU $MEMORY $IP $ACCOUNT"; sleep 600`, `
    resources: {requests: {cpu: 10m}, limits: {cpu: "2", memory: 64Mi}}
    env:
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
    - {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: ACCOUNT, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory}}}
`))
	address := ""
	l.Eventually(patience, "the pod's address", func() (bool, string) {
		address = l.get("pod/self", ".status.podIP")
		return strings.HasPrefix(address, "127."), address
	})
	l.logged("self", "self "+l.namespace+" self pocctl 2 67108864 "+address+" default\n")
}

func downwardVolume(l *lab) {
	l.apply("%s", shellPod("self", "sleep 600", `
    volumeMounts: [{name: about, mountPath: /about}]
  volumes:
  - {name: about, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
`))
	l.ready("pod/self")
	if out := l.must("exec", "self", "--", "cat", "/about/labels"); !strings.Contains(out, `app="self"`) {
		l.t.Errorf("the labels are %q", out)
	}
	l.must("label", "pod", "self", "tier=front")
	l.Eventually(2*patience, "the new label to reach the volume", func() (bool, string) {
		out := l.must("exec", "self", "--", "cat", "/about/labels")
		return strings.Contains(out, `tier="front"`), out
	})
}

func configMissing(l *lab) {
	l.apply("%s", shellPod("waiting", "echo it came; sleep 600", "    envFrom: [{configMapRef: {name: settings}}]\n"))
	l.reaches("pod/waiting", ".status.containerStatuses[0].state.waiting.reason", "CreateContainerConfigError")
	l.want(l.must("describe", "pod", "waiting"), `configmap "settings" not found`)
	l.must("create", "configmap", "settings", "--from-literal=a=b")
	l.logged("waiting", "it came")
}
