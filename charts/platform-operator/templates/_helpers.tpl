{{/* The operator is one in a cluster (field manager, finalizers, ClusterRole), so its name is fixed: a second release is refused by Helm. */}}
{{- define "platform-operator.selectorLabels" -}}
app.kubernetes.io/name: platform-operator
{{- end -}}

{{- define "platform-operator.labels" -}}
{{ include "platform-operator.selectorLabels" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "platform-operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end -}}

{{/* config.network.…, whose defaults are the operator's: a value that is not written is the second argument. */}}
{{- define "platform-operator.monitoringNamespace" -}}
{{ dig "network" "monitoringNamespace" "monitoring" .Values.config }}
{{- end -}}

{{/* Peers for address ranges; never the link-local ones, where instance metadata answers, nor AWS's own of IPv6 (fd00:ec2::254 is metadata). */}}
{{- define "platform-operator.addresses" -}}
{{- range . }}
- ipBlock:
    cidr: {{ . | quote }}
    {{- if eq . "::/0" }}
    except: ["fe80::/10", "fd00:ec2::/32"]
    {{- else if include "platform-operator.holdsLinkLocal" . }}
    except: [169.254.0.0/16]
    {{- end }}
{{- end }}
{{- end -}}

{{/* "true" where the range of IPv4 (the argument) is wider than 169.254.0.0/16 and holds it: as far as its prefix goes both begin alike. */}}
{{- define "platform-operator.holdsLinkLocal" -}}
{{- $bits := atoi (last (splitList "/" .)) -}}
{{- if and (contains "." .) (lt $bits 16) -}}
{{- $octets := splitList "." . -}}
{{- $begin := add (mul 256 (atoi (index $octets 0))) (atoi (index $octets 1)) -}}
{{- $linkLocal := add (mul 256 169) 254 -}}
{{- range until (int (sub 16 $bits)) -}}
{{- $begin = div $begin 2 -}}
{{- $linkLocal = div $linkLocal 2 -}}
{{- end -}}
{{- if eq $begin $linkLocal -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/*
CEL: the request is by the operator, a controller of the cluster, the platform team, or one that it trusts. On EKS the controller of NetworkPolicies is a user of
the control plane: it puts a finalizer on each before it enforces it. istiod makes the pods of waypoints.
*/}}
{{- define "platform-operator.exempt" -}}
{{- $istio := dig "mesh" "istio" dict .Values.config -}}
{{- $revision := $istio.revision | default "default" -}}
{{- $istiod := printf "system:serviceaccount:%s:istiod%s" ($istio.namespace | default "istio-system") (ternary "" (printf "-%s" $revision) (eq $revision "default")) -}}
{{- $operator := printf "system:serviceaccount:%s:platform-operator" .Release.Namespace -}}
{{- $users := concat (list $operator "system:kube-controller-manager" "eks:network-policy-controller" $istiod) .Values.policies.trustedUsers -}}
{{- $groups := concat (list "system:serviceaccounts:kube-system") .Values.policies.platformGroups -}}
request.userInfo.username in {{ toJson $users }} || (has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in {{ toJson $groups }}))
{{- end -}}

{{/*
CEL: as exempt, but not for the Jobs of who is trusted by name: no service has one, and Argo Rollouts makes them of AnalysisRuns, which squads write with
whatever template they like.
*/}}
{{- define "platform-operator.exemptForPods" -}}
({{ include "platform-operator.exempt" . }}) && !(request.resource.resource == "jobs" && request.userInfo.username in {{ toJson .Values.policies.trustedUsers }})
{{- end -}}

{{/* CEL: the metadata `m` of pods has no label of a service's. */}}
{{- define "platform-operator.unlabelled" -}}
(!has(m.labels) || !m.labels.exists(k, k.startsWith("platform-operator.dev/")))
{{- end -}}

{{/* CEL: the pod template of the workload `o`, or {} where it has none or there is no such object. */}}
{{- define "platform-operator.podTemplate" -}}
o == null ? {} : has(o.spec.jobTemplate) ? o.spec.jobTemplate.spec.template : has(o.spec.template) ? o.spec.template : {}
{{- end -}}

{{/*
CEL: the account that pods of the pod or template `p` run under, "" where it names none. The API server takes the old name of the field where the new one is
empty; of a custom resource it fills in neither from the other.
*/}}
{{- define "platform-operator.account" -}}
!has(p.spec) ? "" :
has(p.spec.serviceAccountName) && p.spec.serviceAccountName != null && p.spec.serviceAccountName != "" ? p.spec.serviceAccountName :
has(p.spec.serviceAccount) && p.spec.serviceAccount != null ? p.spec.serviceAccount : ""
{{- end -}}

{{/* CEL: the label selector (the argument) matches the map variables.labels. The same reading as the operator's selectorMatches. */}}
{{- define "platform-operator.selects" -}}
{{- $terms := list -}}
{{- range $key, $value := .matchLabels -}}
{{- $terms = append $terms (printf "variables.labels[?%s] == optional.of(%s)" (toJson $key) (toJson $value)) -}}
{{- end -}}
{{- range .matchExpressions -}}
{{- $there := printf "%s in variables.labels" (toJson .key) -}}
{{- $among := printf "(%s && variables.labels[%s] in %s)" $there (toJson .key) (toJson (.values | default list)) -}}
{{- if eq .operator "In" -}}{{- $terms = append $terms $among -}}
{{- else if eq .operator "NotIn" -}}{{- $terms = append $terms (print "!" $among) -}}
{{- else if eq .operator "Exists" -}}{{- $terms = append $terms $there -}}
{{- else -}}{{- $terms = append $terms (printf "!(%s)" $there) -}}
{{- end -}}
{{- end -}}
{{ empty $terms | ternary "true" (join " && " $terms) }}
{{- end -}}

{{/* What each policy's binding has in common. */}}
{{- define "platform-operator.binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "platform-operator.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: {{ toJson .root.Values.policies.validationActions }}
  {{- with .spec }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
