{{- define "observability.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "observability.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "observability.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The parts below take {root, part}: the chart's context, and which part of it. */}}
{{- define "observability.part" -}}
{{- printf "%s-%s" (include "observability.fullname" .root) .part -}}
{{- end -}}

{{- define "observability.selectorLabels" -}}
app.kubernetes.io/name: {{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "observability.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{ include "observability.selectorLabels" . }}
app.kubernetes.io/component: {{ .part }}
app.kubernetes.io/part-of: pocctl
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What every object of a part begins with. */}}
{{- define "observability.metadata" -}}
name: {{ include "observability.part" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "observability.labels" . | nindent 2 }}
{{- end -}}

{{/* Takes the image's values. */}}
{{- define "observability.image" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end -}}

{{- define "observability.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "observability.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* A pod's metadata; checksum is that of the configuration, which is read once. */}}
{{- define "observability.podMetadata" -}}
labels:
  {{- include "observability.selectorLabels" . | nindent 2 }}
  app.kubernetes.io/part-of: pocctl
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ .checksum }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What every pod's spec begins with. */}}
{{- define "observability.pod" -}}
serviceAccountName: {{ include "observability.serviceAccountName" .root }}
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
{{- end -}}

{{/* Where a pod may run; takes the chart's context. */}}
{{- define "observability.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Probes of a container; takes {root, path, port}. */}}
{{- define "observability.probes" -}}
startupProbe:
  httpGet: {path: {{ .path }}, port: {{ .port }}}
  {{- toYaml .root.Values.probes.startup | nindent 2 }}
livenessProbe:
  httpGet: {path: {{ .live | default .path }}, port: {{ .port }}}
  {{- toYaml .root.Values.probes.liveness | nindent 2 }}
readinessProbe:
  httpGet: {path: {{ .path }}, port: {{ .port }}}
  {{- toYaml .root.Values.probes.readiness | nindent 2 }}
{{- end -}}

{{/* A volume's claim for a StatefulSet; takes {root, part, persistence}. */}}
{{- define "observability.claim" -}}
- metadata:
    name: data
    labels:
      {{- include "observability.selectorLabels" . | nindent 6 }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .persistence.storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests: {storage: {{ .persistence.size }}}
{{- end -}}
