{{- define "policies.labels" -}}
app.kubernetes.io/name: policies
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: pocctl
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Pods, but for those of namespaces that are left alone. */}}
{{- define "policies.match" -}}
match:
  any:
    - resources: {kinds: [Pod]}
{{- with .Values.exclude }}
exclude:
  any:
    - resources:
        namespaces:
          {{- toYaml . | nindent 10 }}
{{- end }}
{{- end -}}
