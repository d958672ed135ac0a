{{- define "mcp-runtime.fullname" -}}
{{- if contains "mcp-runtime" .Release.Name }}{{ .Release.Name | trunc 53 | trimSuffix "-" }}{{ else }}{{ printf "%s-mcp-runtime" .Release.Name | trunc 53 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "mcp-runtime.account" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "mcp-runtime.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end -}}
{{- end }}

{{/* The name is fixed: the NetworkPolicies of deployed servers let in Pods that carry it. */}}
{{- define "mcp-runtime.selector" -}}
app.kubernetes.io/name: mcp-runtime
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mcp-runtime.labels" -}}
{{ include "mcp-runtime.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "mcp-runtime.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}{{ end -}}
{{- end }}

{{- define "mcp-runtime.postgresql" -}}
{{- if eq .Values.database.type "postgresql" }}yes{{ end -}}
{{- end }}

{{- define "mcp-runtime.replicas" -}}
{{- $replicas := .Values.replicas | default (ternary 2 1 (eq .Values.database.type "postgresql")) | int }}
{{- if and (gt $replicas 1) (not (include "mcp-runtime.postgresql" .)) }}{{ fail "replicas: SQLite takes one replica; set database.type: postgresql for more" }}{{ end }}
{{- $replicas -}}
{{- end }}

{{/* Restricted Pod Security, field by field; no user but the image's own number. */}}
{{- define "mcp-runtime.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "mcp-runtime.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: {drop: [ALL]}
{{- end }}

{{/* What the service does with objects of the kinds that are given. */}}
{{- define "mcp-runtime.objectRules" -}}
- apiGroups: [mcpruntime.dev]
  resources: {{ toJson . }}
  verbs: [list, watch, patch]
- apiGroups: [mcpruntime.dev]
  resources: [{{ range $i, $kind := . }}{{ if $i }}, {{ end }}{{ $kind }}/status{{ end }}]
  verbs: [update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end }}
