/**
 * The manifests as a Helm chart and as a kustomization, each as files by path.
 *
 * The chart has templates where `installation.ts` would put values, so what it
 * renders with its defaults is what the manifests say.
 */
import { dump } from "js-yaml";
import { HUB_PORT, NAMES } from "./identity.ts";
import {
  FILES,
  MESH_PATCHES,
  OPENSHIFT,
  type Placement,
  readManifests,
  secretFiles,
  type Secrets,
  type Settings,
  tailored,
  USUAL,
} from "./installation.ts";
import type { KubeObject } from "./objects.ts";

/** Texts by path. */
export type Files = Readonly<Record<string, string>>;

/** What a chart's user may set, with what it is otherwise. */
const toValues = (settings: Settings): string =>
  `# The image, with its tag or digest.
image: ${JSON.stringify(settings.image)}
# Secrets with which it is pulled, as in [{"name": "registry"}].
imagePullSecrets: ${JSON.stringify(toReferences(settings.imagePullSecrets))}
# What each node keeps, and the volume that it is kept on, a quarter larger.
storageLimit: ${JSON.stringify(settings.storageLimit)}
volumeSize: ${settings.volumeSize}
# The worker's port, on every node.
workerPort: ${settings.workerPort}
# Whose pods are captured until somebody chooses others; {} for all:
# {"pod": REGEX, "namespaces": [], "excludeNamespaces": [], "labels": SELECTOR}
targets: ${JSON.stringify(settings.targets)}
# Captures what a service mesh's proxy and its application say to each other,
# too. It gives the worker hostPID, SYS_ADMIN and SYS_PTRACE.
mesh: ${settings.mesh ?? false}
secrets:
  # Makes what hub and workers know each other by, and the hub's token, once.
  # What renders without asking the cluster (helm template, Argo CD) would make
  # new ones each time: say false there, and make them once with
  # \`thresher manifests --secrets | kubectl apply -f -\`.
  create: true
# Where the pods run, and with how much.
${dump(PODS, DUMP)}`;

const toReferences = (names: Settings["imagePullSecrets"]) =>
  typeof names === "string" ? names : names.map((name) => ({ name }));

const DUMP = { lineWidth: -1, noRefs: true } as const;

/** The pods' places as the manifests have them. */
const PODS: Readonly<Record<"hub" | "worker", Placement>> = {
  hub: placementOf("Deployment"),
  worker: placementOf("DaemonSet"),
};

function placementOf(kind: string): Placement {
  const found = readManifests().find((one) => one.kind === kind);
  const { nodeSelector, tolerations = [], containers } =
    (found as unknown as Templated).spec.template.spec;
  return { nodeSelector, tolerations, resources: containers[0].resources };
}

interface Templated {
  readonly spec: {
    readonly template: {
      readonly spec: Pick<Placement, "nodeSelector" | "tolerations"> & {
        readonly containers: readonly [Pick<Placement, "resources">];
      };
    };
  };
}

const templatedPlacement = (name: string): Placement => ({
  nodeSelector: `{{ toJson .Values.${name}.nodeSelector }}`,
  tolerations: `{{ toJson .Values.${name}.tolerations }}`,
  resources: `{{ toJson .Values.${name}.resources }}`,
});

const TEMPLATED: Settings = {
  namespace: "{{ .Release.Namespace }}",
  image: "{{ .Values.image }}",
  imagePullSecrets: "{{ toJson .Values.imagePullSecrets }}",
  // A number of bytes is a number to Helm, which would print it as 2e+09.
  storageLimit: '{{ toJson .Values.storageLimit | trimAll "\\"" }}',
  volumeSize: "{{ .Values.volumeSize }}",
  workerPort: "{{ int .Values.workerPort }}",
  targets: '{{ printf "--targets=%s" (toJson .Values.targets) | quote }}',
  pods: {
    hub: templatedPlacement("hub"),
    worker: templatedPlacement("worker"),
  },
};

/**
 * Made when the chart is installed, and kept when it is upgraded. Rendering
 * without a cluster makes new ones each time.
 */
const CHART_SECRETS = `{{- if .Values.secrets.create }}
{{- $ca := genCA "thresher" 3650 }}
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
{{- end }}
`;

const NOTES = `Workers use their node's network. The namespace has to allow it:

  kubectl label namespace {{ .Release.Namespace }} \\
    pod-security.kubernetes.io/enforce=privileged
{{- if not .Values.secrets.create }}

The pods wait for their secrets, which are made once:

  thresher manifests --secrets --install-namespace {{ .Release.Namespace }} | kubectl apply -f -
{{- end }}

The dashboard, at http://127.0.0.1:8899:

  kubectl -n {{ .Release.Namespace }} port-forward deployment/${NAMES.hub} 8899:${HUB_PORT}

asks for the token:

  kubectl -n {{ .Release.Namespace }} get secret ${NAMES.hubSecret} -o jsonpath='{.data.token}' | base64 -d
`;

/**
 * A Helm chart. The namespace is the release's, and so not part of it.
 *
 * @param settings its values, unless its user has others
 */
export function toChart(version: string, settings: Settings = USUAL): Files {
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
      kubeVersion: ">=1.25.0-0",
    }),
    "values.yaml": toValues(settings),
    ...Object.fromEntries(
      templates.map((file) => [`templates/${file}`, toTemplate(file)]),
    ),
    [`templates/${OPENSHIFT}`]:
      '{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}\n' +
      toTemplate(OPENSHIFT) + "{{- end }}\n",
    "templates/secrets.yaml": CHART_SECRETS,
    "templates/NOTES.txt": NOTES,
  };
}

function toTemplate(file: string): string {
  const [without, withMesh] = [false, true].map((mesh) =>
    toYaml(tailored(file, { ...TEMPLATED, mesh }))
  );
  return where(".Values.mesh", withMesh!, without!)
    // What becomes a number or a list, or is quoted, must not stand in quotes.
    .replaceAll(/(['"])(\{\{ (?:int|toJson|printf) [^}]*\}\})\1/g, "$2")
    .replaceAll(
      "managed-by: thresher-cli",
      "managed-by: {{ .Release.Service }}",
    );
}

/**
 * One template of two texts, of which the first has more lines than the second
 * and others in the place of some.
 */
function where(condition: string, one: string, other: string): string {
  const [more, less] = [one, other].map((text) => text.split("\n"));
  const lines: string[] = [];
  let at = 0; // in the longer text
  for (const line of less!) {
    const same = more!.indexOf(line, at);
    if (same === at) lines.push(line);
    else if (same > at) {
      const added = more!.slice(at, same);
      lines.push(`{{- if ${condition} }}`, ...added, "{{- end }}", line);
    } else {
      lines.push(`{{- if ${condition} }}`, more![at]!);
      lines.push("{{- else }}", line, "{{- end }}");
    }
    at = same < 0 ? at + 1 : same + 1;
  }
  return lines.join("\n");
}

/**
 * A kustomization over the manifests, with its secrets.
 *
 * With nothing chosen they are as they are written, comments and all. What
 * OpenShift and a mesh take are components, for whoever names them.
 */
export function toKustomization(
  secrets: Secrets,
  { mesh, ...plain }: Settings = USUAL,
): Files {
  const settings = isUsual(plain) ? USUAL : plain;
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
      namespace: settings.namespace,
      resources: Object.keys(FILES),
      ...(mesh && { components: ["mesh"] }),
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
    ...Object.fromEntries(
      Object.keys(FILES).map((file) => [file, toText(file, settings)]),
    ),
    [`openshift/${OPENSHIFT}`]: toText(OPENSHIFT, settings),
    "openshift/kustomization.yaml": toComponent({ resources: [OPENSHIFT] }),
    "mesh/kustomization.yaml": toComponent({
      patches: MESH_PATCHES.map(({ target, patch }) => ({
        target,
        patch: dump(patch, DUMP),
      })),
    }),
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

/** A part of a kustomization that takes effect where it is named. */
const toComponent = (what: object): string =>
  dump({
    apiVersion: "kustomize.config.k8s.io/v1alpha1",
    kind: "Component",
    ...what,
  }, DUMP);

const isUsual = (settings: Settings): boolean =>
  Object.entries(USUAL).every(([name, value]) =>
    settings[name as keyof Settings] === value
  ) && Object.keys(settings).length === Object.keys(USUAL).length;

/** A manifest file to measure. */
function toText(file: string, settings: Settings): string {
  return settings === USUAL && FILES[file]
    ? FILES[file]
    : toYaml(tailored(file, settings));
}

/** Objects as the documents of one file. */
export const toYaml = (objects: readonly KubeObject[]): string =>
  objects.map((object) => dump(object, DUMP)).join("---\n");
