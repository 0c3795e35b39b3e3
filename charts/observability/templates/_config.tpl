{{/* The collector: OTLP in, each signal to who keeps it. */}}
{{- define "observability.collectorConfig" -}}
{{- $traces := concat (ternary (list "otlp_grpc/tempo") list .Values.tempo.enabled) .Values.collector.also.traces -}}
{{- $logs := concat (ternary (list "otlp_http/loki") list .Values.loki.enabled) .Values.collector.also.logs -}}
extensions:
  health_check: {endpoint: "0.0.0.0:13133"}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "0.0.0.0:4317"}
      http: {endpoint: "0.0.0.0:4318"}
processors:
  # Refuses, which senders stand, before memory runs out, which the collector wouldn't.
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 20}
  batch: {timeout: 1s, send_batch_size: 2048, send_batch_max_size: 4096}
exporters:
  # Where a signal that nobody keeps goes.
  nop: {}
  {{- if .Values.tempo.enabled }}
  otlp_grpc/tempo:
    endpoint: {{ include "observability.part" (dict "root" . "part" "tempo") }}.{{ .Release.Namespace }}:4317
    tls: {insecure: true}
  {{- end }}
  {{- if .Values.loki.enabled }}
  otlp_http/loki:
    endpoint: http://{{ include "observability.part" (dict "root" . "part" "loki") }}.{{ .Release.Namespace }}:3100/otlp
  {{- end }}
  {{- with .Values.collector.exporters }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
service:
  extensions: [health_check]
  telemetry:
    logs: {encoding: json}
    metrics:
      readers:
        - pull: {exporter: {prometheus: {host: 0.0.0.0, port: 8888}}}
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [{{ $traces | default (list "nop") | join ", " }}]
    logs:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [{{ $logs | default (list "nop") | join ", " }}]
{{- end -}}

{{/* The agent: the nodes' files of logs, with whose they are, to the collector. */}}
{{- define "observability.agentConfig" -}}
{{- $namespace := .Values.agent.namespace | default .Release.Namespace -}}
extensions:
  health_check: {endpoint: "0.0.0.0:13133"}
receivers:
  file_log:
    include: [/var/log/pods/{{ $namespace }}_*/*/*.log]
    # Its own lines would make more of them.
    exclude: [/var/log/pods/*_{{ include "observability.part" (dict "root" . "part" "agent") }}-*/*/*.log]
    include_file_path: true
    start_at: end
    operators:
      # The runtime's format, and pod, container and namespace by the file's path.
      - {type: container}
      # The service's lines are JSON: with the trace that each belongs to.
      - type: json_parser
        if: 'body matches "^{"'
        parse_to: attributes
        on_error: send_quiet
      - type: trace_parser
        if: 'attributes.trace_id != nil and attributes.trace_id != ""'
        trace_id: {parse_from: attributes.trace_id}
        span_id: {parse_from: attributes.span_id}
        on_error: send_quiet
      - type: severity_parser
        if: 'attributes.level != nil'
        parse_from: attributes.level
        on_error: send_quiet
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 20}
  batch: {timeout: 1s}
exporters:
  otlp_grpc:
    endpoint: {{ include "observability.part" (dict "root" . "part" "collector") }}.{{ .Release.Namespace }}:4317
    tls: {insecure: true}
service:
  extensions: [health_check]
  telemetry:
    logs: {encoding: json}
  pipelines:
    logs:
      receivers: [file_log]
      processors: [memory_limiter, batch]
      exporters: [otlp_grpc]
{{- end -}}

{{/* Loki in one process. */}}
{{- define "observability.lokiConfig" -}}
{{- $store := ternary "s3" "filesystem" (ne .Values.loki.s3.bucket "") -}}
auth_enabled: false
analytics: {reporting_enabled: false}
server: {http_listen_port: 3100, grpc_listen_port: 9095, log_format: json}
common:
  path_prefix: /data
  replication_factor: 1
  ring: {kvstore: {store: inmemory}}
  storage:
    {{- if eq $store "s3" }}
    s3: {bucketnames: {{ .Values.loki.s3.bucket }}, region: {{ .Values.loki.s3.region }}}
    {{- else }}
    filesystem: {chunks_directory: /data/chunks, rules_directory: /data/rules}
    {{- end }}
schema_config:
  configs:
    - {from: "2024-04-01", store: tsdb, object_store: {{ $store }}, schema: v13, index: {prefix: index_, period: 24h}}
compactor:
  working_directory: /data/compactor
  retention_enabled: true
  delete_request_store: {{ $store }}
limits_config:
  retention_period: {{ .Values.loki.retention }}
  allow_structured_metadata: true
  reject_old_samples: true
  reject_old_samples_max_age: {{ .Values.loki.retention }}
{{- end -}}

{{/* Tempo in one process. */}}
{{- define "observability.tempoConfig" -}}
usage_report: {reporting_enabled: false}
server: {http_listen_port: 3200, grpc_listen_port: 9095, log_format: json}
distributor:
  receivers:
    otlp:
      protocols:
        grpc: {endpoint: "0.0.0.0:4317"}
compactor:
  compaction: {block_retention: {{ .Values.tempo.retention }}}
storage:
  trace:
    {{- if .Values.tempo.s3.bucket }}
    backend: s3
    s3: {bucket: {{ .Values.tempo.s3.bucket }}, region: {{ .Values.tempo.s3.region }}, endpoint: s3.{{ .Values.tempo.s3.region }}.amazonaws.com}
    {{- else }}
    backend: local
    local: {path: /data/blocks}
    {{- end }}
    wal: {path: /data/wal}
{{- end -}}

{{/* Grafana's data sources, which know of each other: from a line to its trace, and back. */}}
{{- define "observability.datasources" -}}
apiVersion: 1
prune: true
datasources:
  {{- with .Values.grafana.prometheusURL }}
  - {name: Prometheus, uid: prometheus, type: prometheus, access: proxy, url: {{ . | quote }}, isDefault: true, jsonData: {httpMethod: POST}}
  {{- end }}
  {{- with .Values.grafana.alertmanagerURL }}
  - {name: Alertmanager, uid: alertmanager, type: alertmanager, access: proxy, url: {{ . | quote }}, jsonData: {implementation: prometheus}}
  {{- end }}
  {{- if .Values.loki.enabled }}
  - name: Loki
    uid: loki
    type: loki
    access: proxy
    url: http://{{ include "observability.part" (dict "root" . "part" "loki") }}.{{ .Release.Namespace }}:3100
    {{- if .Values.tempo.enabled }}
    jsonData:
      derivedFields:
        - {name: trace, matcherType: label, matcherRegex: trace_id, datasourceUid: tempo, url: "$${__value.raw}"}
    {{- end }}
  {{- end }}
  {{- if .Values.tempo.enabled }}
  - name: Tempo
    uid: tempo
    type: tempo
    access: proxy
    url: http://{{ include "observability.part" (dict "root" . "part" "tempo") }}.{{ .Release.Namespace }}:3200
    {{- if .Values.loki.enabled }}
    jsonData:
      tracesToLogsV2: {datasourceUid: loki, filterByTraceID: true, spanStartTimeShift: -1m, spanEndTimeShift: 1m}
    {{- end }}
  {{- end }}
{{- end -}}

{{/* The path of Grafana's URL, / if it has none. */}}
{{- define "observability.grafanaPath" -}}
{{- (urlParse .Values.grafana.url).path | default "/" -}}
{{- end -}}
