{{- define "alertmanager.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "alertmanager.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "alertmanager.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "alertmanager.selectorLabels" -}}
app.kubernetes.io/name: {{ include "alertmanager.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "alertmanager.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "alertmanager.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/component: alerts
app.kubernetes.io/part-of: pocctl
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "alertmanager.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "alertmanager.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "alertmanager.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Where the API is: the path of the external URL, / if it has none. */}}
{{- define "alertmanager.path" -}}
{{- (urlParse (tpl .Values.url .)).path | default "/" -}}
{{- end -}}

{{- define "alertmanager.inboxImage" -}}
{{- if .Values.inbox.image.digest -}}
{{- printf "%s@%s" .Values.inbox.image.repository .Values.inbox.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.inbox.image.repository .Values.inbox.image.tag -}}
{{- end -}}
{{- end -}}

{{/* Where people read the inbox. */}}
{{- define "alertmanager.inboxPath" -}}
{{- (urlParse (tpl .Values.inbox.url .)).path | default "/" -}}
{{- end -}}

{{/* A receiver of a name: what values say, and the inbox. */}}
{{- define "alertmanager.receiver" -}}
{{- $receiver := dict "name" .name -}}
{{- range $kind, $configs := (index .root.Values.receivers .name | default dict) -}}
{{- $_ := set $receiver $kind $configs -}}
{{- end -}}
{{- if .root.Values.inbox.enabled -}}
{{- $hook := dict "url" (printf "http://%s.%s:%v/receive" (include "alertmanager.fullname" .root) .root.Release.Namespace .root.Values.service.inboxPort) "send_resolved" true -}}
{{- $_ := set $receiver "webhook_configs" (append (index $receiver "webhook_configs" | default list) $hook) -}}
{{- end -}}
{{- toYaml (list $receiver) -}}
{{- end -}}

{{/* Nobody is called in a maintenance window. */}}
{{- define "alertmanager.muted" -}}
{{- with .Values.maintenance -}}
mute_time_intervals:
{{- range . }}
  - {{ .name }}
{{- end }}
{{- end -}}
{{- end -}}
