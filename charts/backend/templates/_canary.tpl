{{/* The strategy of a Rollout. The stable version keeps all of its replicas until the end. */}}
{{- define "backend.canary" -}}
{{- if not .Values.ingress.enabled }}
{{- fail "canary.enabled takes ingress.enabled: the ingress shares the requests out" }}
{{- end }}
canary:
  stableService: {{ include "backend.fullname" . }}
  canaryService: {{ include "backend.fullname" . }}-canary
  maxSurge: {{ .Values.strategy.rollingUpdate.maxSurge }}
  maxUnavailable: {{ .Values.strategy.rollingUpdate.maxUnavailable }}
  abortScaleDownDelaySeconds: 30
  trafficRouting:
    {{- if eq .Values.canary.router "alb" }}
    alb:
      ingress: {{ include "backend.fullname" . }}
      rootService: {{ include "backend.fullname" . }}
      servicePort: {{ .Values.service.port }}
    {{- else }}
    nginx:
      stableIngress: {{ include "backend.fullname" . }}
    {{- end }}
  {{- if .Values.canary.prometheusURL }}
  # It goes on, and aborts, whoever watches.
  analysis:
    startingStep: 1
    templates:
      - templateName: {{ include "backend.fullname" . }}-objectives
    args:
      - name: canary
        valueFrom: {podTemplateHashValue: Latest}
  {{- end }}
  steps:
    {{- range .Values.canary.weights }}
    - setWeight: {{ . }}
    - pause: {duration: {{ $.Values.canary.stepSeconds }}s}
    {{- end }}
{{- end -}}
