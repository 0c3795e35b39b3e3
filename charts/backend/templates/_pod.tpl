{{/* The pod of a part of the service: root, role (all, api or worker), labels that select it, resources. */}}
{{- define "backend.pod" -}}
{{- with include "backend.serviceAccountName" .root }}
serviceAccountName: {{ . }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
containers:
  - name: backend
    image: {{ include "backend.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args:
      - serve
      {{- with .root.Values.extraArgs }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- if or (not .root.Values.canary.enabled) .root.Values.extraEnvFrom }}
    envFrom:
      {{- if not .root.Values.canary.enabled }}
      - configMapRef: {name: {{ include "backend.fullname" .root }}}
      {{- end }}
      {{- with .root.Values.extraEnvFrom }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- end }}
    env:
      - name: POD_IP
        valueFrom:
          fieldRef: {fieldPath: status.podIP}
      - name: POD_NAME
        valueFrom:
          fieldRef: {fieldPath: metadata.name}
      # The pod's own address: where pods share a network, 0.0.0.0 would collide.
      - name: POCCTL_ADDRESS
        value: $(POD_IP):8080
      - name: POCCTL_GRPC_ADDRESS
        value: $(POD_IP):9090
      # Profiles: the NetworkPolicy lets nobody there, kubectl port-forward does.
      - name: POCCTL_PRIVATE_ADDRESS
        value: $(POD_IP):6060
      - name: POCCTL_ROLE
        value: {{ .role }}
      {{- if .root.Values.canary.enabled }}
      # In the template, not in a ConfigMap: two versions run at once, each with its own.
      {{- range $name, $value := include "backend.config" .root | fromYaml }}
      - name: {{ $name }}
        value: {{ $value | quote }}
      {{- end }}
      {{- end }}
      {{- include "backend.connections" .root | trim | nindent 6 }}
      {{- with .root.Values.extraEnv }}
      {{- tpl (toYaml .) $.root | nindent 6 }}
      {{- end }}
    ports:
      - {name: http, containerPort: 8080, protocol: TCP}
      {{- if ne .role "worker" }}
      - {name: grpc, containerPort: 9090, protocol: TCP}
      {{- end }}
    startupProbe:
      httpGet: {path: /healthz, port: http}
      {{- toYaml .root.Values.probes.startup | nindent 6 }}
    livenessProbe:
      httpGet: {path: /healthz, port: http}
      {{- toYaml .root.Values.probes.liveness | nindent 6 }}
    readinessProbe:
      httpGet: {path: /readyz, port: http}
      {{- toYaml .root.Values.probes.readiness | nindent 6 }}
    {{- if and (gt (int .root.Values.preStopSleepSeconds) 0) (semverCompare ">=1.30.0-0" .root.Capabilities.KubeVersion.Version) }}
    lifecycle:
      preStop:
        sleep: {seconds: {{ .root.Values.preStopSleepSeconds }}}
    {{- end }}
    resources:
      {{- toYaml .resources | nindent 6 }}
    securityContext:
      {{- toYaml .root.Values.securityContext | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- if .root.Values.featureFlags }}
      - {name: flags, mountPath: /etc/pocctl/flags, readOnly: true}
      {{- end }}
      {{- with .root.Values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- with .root.Values.extraContainers }}
  {{- tpl (toYaml .) $.root | nindent 2 }}
  {{- end }}
volumes:
  - name: tmp
    emptyDir: {}
  {{- if .root.Values.featureFlags }}
  - name: flags
    configMap: {name: {{ include "backend.fullname" .root }}-flags}
  {{- end }}
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range .root.Values.topologySpread.topologyKeys }}
  - maxSkew: {{ $.root.Values.topologySpread.maxSkew }}
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $.root.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- toYaml $.labels | nindent 8 }}
    matchLabelKeys: [{{ ternary "rollouts-pod-template-hash" "pod-template-hash" (and $.root.Values.canary.enabled (ne $.role "worker")) }}]
  {{- end }}
{{- end }}
{{- end -}}
