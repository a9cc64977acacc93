/**
 * The manifests as a Helm chart and as a kustomization, each as files by path.
 *
 * The chart has templates where `installation.ts` would put values, so what it
 * renders with its defaults is what the manifests say.
 */
import { dump } from "js-yaml";
import {
  FILES,
  NAMES,
  secretFiles,
  type Secrets,
  type Settings,
  tailored,
  USUAL,
} from "./installation.ts";

/** Texts by path. */
export type Files = Readonly<Record<string, string>>;

/** What a chart's user may set, with what it is otherwise. */
const VALUES = `# The image, with its tag or digest.
image: ${USUAL.image}
# Secrets with which it is pulled, as in [{"name": "registry"}].
imagePullSecrets: []
# What each node keeps, and the volume that it is kept on, a quarter larger.
storageLimit: ${USUAL.storageLimit}
volumeSize: ${USUAL.volumeSize}
# The worker's port, on every node.
workerPort: ${USUAL.workerPort}
# Whose pods are captured until somebody chooses others; {} for all:
# {"pod": REGEX, "namespaces": [], "excludeNamespaces": [], "labels": SELECTOR}
targets: {}
`;

const TEMPLATED: Settings = {
  namespace: "{{ .Release.Namespace }}",
  image: "{{ .Values.image }}",
  imagePullSecrets: "{{ toJson .Values.imagePullSecrets }}",
  storageLimit: "{{ .Values.storageLimit }}",
  volumeSize: "{{ .Values.volumeSize }}",
  workerPort: "{{ int .Values.workerPort }}",
  targets: '{{ printf "--targets=%s" (toJson .Values.targets) | quote }}',
};

/**
 * Made when the chart is installed, and kept when it is upgraded. Rendering
 * without a cluster makes new ones each time.
 */
const CHART_SECRETS = `{{- $ca := genCA "thresher" 3650 }}
{{- $secret := randAlphaNum 43 }}
{{- $token := randAlphaNum 43 }}
{{- $cert := $ca.Cert | b64enc }}
{{- $key := $ca.Key | b64enc }}
{{- $secret = $secret | b64enc }}
{{- $token = $token | b64enc }}
{{- $hub := lookup "v1" "Secret" .Release.Namespace "${NAMES.hubSecret}" }}
{{- $worker := lookup "v1" "Secret" .Release.Namespace "${NAMES.workerSecret}" }}
{{- if and $hub $worker }}
{{- $cert = index $worker.data "ca.crt" }}
{{- $key = index $worker.data "ca.key" }}
{{- $secret = index $worker.data "secret" }}
{{- $token = index $hub.data "token" }}
{{- end }}
apiVersion: v1
kind: Secret
metadata:
  name: ${NAMES.hubSecret}
  namespace: {{ .Release.Namespace }}
  labels:
    app.kubernetes.io/name: thresher
    app.kubernetes.io/part-of: thresher
    app.kubernetes.io/component: hub
    app.kubernetes.io/managed-by: {{ .Release.Service }}
type: Opaque
data:
  token: {{ $token }}
  secret: {{ $secret }}
  ca.crt: {{ $cert }}
---
apiVersion: v1
kind: Secret
metadata:
  name: ${NAMES.workerSecret}
  namespace: {{ .Release.Namespace }}
  labels:
    app.kubernetes.io/name: thresher
    app.kubernetes.io/part-of: thresher
    app.kubernetes.io/component: worker
    app.kubernetes.io/managed-by: {{ .Release.Service }}
type: Opaque
data:
  secret: {{ $secret }}
  ca.crt: {{ $cert }}
  ca.key: {{ $key }}
`;

const NOTES = `Workers use their node's network. The namespace has to allow it:

  kubectl label namespace {{ .Release.Namespace }} \\
    pod-security.kubernetes.io/enforce=privileged

The dashboard:

  kubectl -n {{ .Release.Namespace }} port-forward deployment/thresher-hub 8899
`;

/** A Helm chart. The namespace is the release's, and so not part of it. */
export function toChart(version: string): Files {
  const templates = Object.keys(FILES).filter((file) =>
    file !== "namespace.yaml"
  );
  return {
    "Chart.yaml": dump({
      apiVersion: "v2",
      name: "thresher",
      description: "Shows what services say to each other",
      type: "application",
      version,
      appVersion: version,
    }),
    "values.yaml": VALUES,
    ...Object.fromEntries(
      templates.map((file) => [`templates/${file}`, toTemplate(file)]),
    ),
    "templates/secrets.yaml": CHART_SECRETS,
    "templates/NOTES.txt": NOTES,
  };
}

function toTemplate(file: string): string {
  const texts = tailored(file, TEMPLATED).map((object) =>
    dump(object, { lineWidth: -1, noRefs: true })
  );
  return texts.join("---\n")
    // What becomes a number or a list, or is quoted, must not stand in quotes.
    .replaceAll(/(['"])(\{\{ (?:int|toJson|printf) [^}]*\}\})\1/g, "$2")
    .replaceAll(
      "managed-by: thresher-cli",
      "managed-by: {{ .Release.Service }}",
    );
}

/** A kustomization over the manifests as they are written, with its secrets. */
export function toKustomization(secrets: Secrets): Files {
  const files = secretFiles(secrets);
  const generator = (["hub", "worker"] as const).map((component) => ({
    name: component === "hub" ? NAMES.hubSecret : NAMES.workerSecret,
    files: Object.keys(files[component]).map((name) =>
      `secrets/${component}/${name}`
    ),
  }));
  return {
    "kustomization.yaml": dump({
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      namespace: NAMES.namespace,
      resources: Object.keys(FILES),
      secretGenerator: generator,
      generatorOptions: {
        disableNameSuffixHash: true,
        labels: {
          "app.kubernetes.io/name": "thresher",
          "app.kubernetes.io/part-of": "thresher",
          "app.kubernetes.io/managed-by": "thresher-cli",
        },
      },
    }),
    ...FILES,
    ...Object.fromEntries(
      (["hub", "worker"] as const).flatMap((component) =>
        Object.entries(files[component]).map(([name, text]) => [
          `secrets/${component}/${name}`,
          text,
        ])
      ),
    ),
  };
}
