{{- define "backend.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "backend.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "backend.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "backend.selectorLabels" -}}
app.kubernetes.io/name: {{ include "backend.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "backend.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "backend.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/component: api
app.kubernetes.io/part-of: pocctl
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of pods that are not replicas of the service: no Service selects them. */}}
{{- define "backend.jobLabels" -}}
app.kubernetes.io/name: {{ include "backend.name" .root }}-{{ .job }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .job }}
app.kubernetes.io/part-of: pocctl
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{- define "backend.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "backend.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "backend.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The connections, shared by the service and its jobs. A password comes before the URL that names it. */}}
{{- define "backend.connections" -}}
{{- with .Values.database }}
{{- if .urlSecret.name }}
- name: POCCTL_DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ .urlSecret.name | quote }}, key: {{ .urlSecret.key | quote }}}
{{- else }}
- name: DATABASE_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ tpl .existingSecret $ | quote }}, key: {{ .passwordKey | quote }}}
- name: POCCTL_DATABASE_URL
  value: {{ printf "postgres://%s:$(DATABASE_PASSWORD)@%s:%d/%s?sslmode=%s" (urlquery .user) (tpl .host $) (int .port) .name .sslmode | quote }}
{{- end }}
{{- end }}
{{- with .Values.redis }}
{{- if .enabled }}
{{- if .urlSecret.name }}
- name: POCCTL_REDIS_URL
  valueFrom:
    secretKeyRef: {name: {{ .urlSecret.name | quote }}, key: {{ .urlSecret.key | quote }}}
{{- else if .existingSecret }}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ tpl .existingSecret $ | quote }}, key: {{ .passwordKey | quote }}}
- name: POCCTL_REDIS_URL
  value: {{ printf "%s://:$(REDIS_PASSWORD)@%s:%d/%d" (ternary "rediss" "redis" .tls) (tpl .host $) (int .port) (int .database) | quote }}
{{- else }}
- name: POCCTL_REDIS_URL
  value: {{ printf "%s://%s:%d/%d" (ternary "rediss" "redis" .tls) (tpl .host $) (int .port) (int .database) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A pod that runs one command of the service's image once: root, job, args, resources. */}}
{{- define "backend.jobPod" -}}
metadata:
  labels:
    {{- include "backend.jobLabels" . | nindent 4 }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .root.Values.podSecurityContext | nindent 4 }}
  {{- with .root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .job }}
      image: {{ include "backend.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args:
        {{- toYaml .args | nindent 8 }}
      env:
        - name: POD_IP
          valueFrom:
            fieldRef: {fieldPath: status.podIP}
        - name: POCCTL_LOG_LEVEL
          value: {{ .root.Values.config.logLevel | quote }}
        {{- include "backend.connections" .root | trim | nindent 8 }}
        {{- with .root.Values.extraEnv }}
        {{- tpl (toYaml .) $.root | nindent 8 }}
        {{- end }}
      {{- with .root.Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        {{- toYaml .root.Values.securityContext | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- with .root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- with .root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
