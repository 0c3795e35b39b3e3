{{/* The settings of the service, variable to value. */}}
{{- define "backend.config" -}}
POCCTL_LOG_LEVEL: {{ .Values.config.logLevel | quote }}
{{- with .Values.oidc }}
{{- if .issuer }}
POCCTL_OIDC_ISSUER: {{ tpl .issuer $ | quote }}
POCCTL_OIDC_AUDIENCE: {{ join "," .audience | quote }}
POCCTL_OIDC_AUDIENCE_CLAIM: {{ .audienceClaim | quote }}
POCCTL_OIDC_JWKS_URL: {{ tpl .jwksURL $ | quote }}
POCCTL_OIDC_ROLES_CLAIM: {{ .rolesClaim | quote }}
{{- with .roleNames }}
{{- $names := list }}
{{- range $value, $role := . }}{{ $names = append $names (printf "%s=%s" $value $role) }}{{ end }}
POCCTL_OIDC_ROLE_NAMES: {{ join "," $names | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.trustedProxies }}
POCCTL_TRUSTED_PROXIES: {{ join "," . | quote }}
{{- end }}
{{- with .Values.limits }}
POCCTL_READ_RATE: {{ .readRate | int | quote }}
POCCTL_READ_BURST: {{ .readBurst | int | quote }}
POCCTL_WRITE_RATE: {{ .writeRate | int | quote }}
POCCTL_WRITE_BURST: {{ .writeBurst | int | quote }}
POCCTL_ADDRESS_RATE: {{ .addressRate | int | quote }}
POCCTL_ADDRESS_BURST: {{ .addressBurst | int | quote }}
POCCTL_MAX_CONCURRENCY: {{ .maxConcurrency | int | quote }}
{{- end }}
{{- with .Values.queue }}
POCCTL_QUEUE: {{ .kind | quote }}
POCCTL_QUEUE_WORKERS: {{ .workers | int | quote }}
{{- if eq .kind "sqs" }}
POCCTL_SQS_QUEUE_URL: {{ required "queue.sqs.queueURL is needed for sqs" .sqs.queueURL | quote }}
POCCTL_SQS_DEAD_LETTER_URL: {{ required "queue.sqs.deadLetterURL is needed for sqs" .sqs.deadLetterURL | quote }}
POCCTL_SQS_REGION: {{ .sqs.region | quote }}
{{- end }}
{{- end }}
{{- with .Values.telemetry }}
{{- if .otlpEndpoint }}
POCCTL_OTLP_ENDPOINT: {{ tpl .otlpEndpoint $ | quote }}
POCCTL_OTLP_PROTOCOL: {{ .otlpProtocol | quote }}
{{- end }}
POCCTL_TRACE_RATIO: {{ .traceRatio | quote }}
{{- with .environment }}
POCCTL_DEPLOYMENT_ENVIRONMENT: {{ . | quote }}
{{- end }}
{{- end }}
{{- if .Values.featureFlags }}
POCCTL_FLAGS_FILE: /etc/pocctl/flags/feature-flags.yaml
{{- end }}
{{- range $name, $value := .Values.config.extra }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}
