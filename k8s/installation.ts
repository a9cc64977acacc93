/**
 * What an installation consists of: the plain manifests of `manifests/`, made
 * to measure.
 *
 * The manifests are the one source. Here they are read and a few values of
 * theirs replaced; `packaging.ts` makes the chart and the kustomization from
 * the very same, with templates in the place of values.
 */
import { randomBytes } from "node:crypto";
import { load, loadAll } from "js-yaml";
import type { TargetSelection } from "../api/hub.ts";
import type { Certificate } from "./certificates.ts";
import { LABELS, NAMES, WORKER_PORT } from "./identity.ts";
import type { KubeObject, Metadata } from "./objects.ts";
import { type Patch, patched } from "./patch.ts";
import hub from "./manifests/hub.yaml" with { type: "text" };
import mesh from "./manifests/mesh.yaml" with { type: "text" };
import namespace from "./manifests/namespace.yaml" with { type: "text" };
import openshift from "./manifests/openshift.yaml" with { type: "text" };
import rights from "./manifests/rights.yaml" with { type: "text" };
import worker from "./manifests/worker.yaml" with { type: "text" };

/** The manifests as they are written, in the order in which they are applied. */
export const FILES: Readonly<Record<string, string>> = {
  "namespace.yaml": namespace,
  "rights.yaml": rights,
  "hub.yaml": hub,
  "worker.yaml": worker,
};

/** What is for some clusters alone. */
export const OPENSHIFT = "openshift.yaml";

const OPTIONAL: Readonly<Record<string, string>> = { [OPENSHIFT]: openshift };

/** What `--mesh` changes in them. */
export const MESH_PATCHES = load(mesh) as readonly Patch[];

/** What may be chosen. Texts may be templates. */
export interface Settings {
  readonly namespace: string;
  readonly image: string;
  /** Names of secrets with which the image is pulled. */
  readonly imagePullSecrets: readonly string[] | string;
  /** Of each node, as the worker reads it: `200MB`. */
  readonly storageLimit: string;
  /** Of the volume that it is kept on, as Kubernetes reads it: `400Mi`. */
  readonly volumeSize: string;
  /** On every node, so a rare one. */
  readonly workerPort: number | string;
  /** Whose pods are captured at first; as a template, the hub's argument. */
  readonly targets: TargetSelection | string;
  /** Whether workers enter the networks of pods that a mesh's proxy is in. */
  readonly mesh?: boolean | undefined;
  /** Absent where the pods are as the manifests have them. */
  readonly pods?: Readonly<Record<"hub" | "worker", Placement>>;
  /** Absent where nobody has to tell runs apart. */
  readonly instance?: string | undefined;
  readonly version?: string | undefined;
}

/** Where a pod runs, and with how much; as in its specification. */
export interface Placement {
  readonly nodeSelector: unknown;
  readonly tolerations: unknown;
  readonly resources: unknown;
}

/** As the manifests are written. */
export const USUAL: Settings = {
  namespace: NAMES.namespace,
  image: "thresher:0.1.0",
  imagePullSecrets: [],
  storageLimit: "200MB",
  volumeSize: "400Mi",
  workerPort: WORKER_PORT,
  targets: {},
};

/** Room for a storage limit: a worker at its limit must not be evicted. */
export const volumeSizeFor = (bytes: number): string =>
  `${Math.ceil(bytes * 1.25 / 2 ** 20) + 128}Mi`;

/** The objects as the manifests have them. */
export function readManifests(): KubeObject[] {
  return Object.values(FILES).flatMap((text) => loadAll(text) as KubeObject[]);
}

/** The objects of one manifest file, to measure. */
export function tailored(file: string, settings: Settings): KubeObject[] {
  const patches = settings.mesh ? MESH_PATCHES : [];
  return (loadAll(FILES[file] ?? OPTIONAL[file]!) as KubeObject[])
    .map((object) => tailor(patched(object, patches), settings));
}

/** All objects but the secrets, to measure, in the order to apply them. */
export function objectsOf(settings: Settings): KubeObject[] {
  return Object.keys(FILES).flatMap((file) => tailored(file, settings));
}

/** What hub and workers know each other by, and people the hub. */
export interface Secrets {
  readonly token: string;
  readonly shared: string;
  readonly authority: Certificate;
}

/** New ones. */
export const makeSecrets = (authority: Certificate): Secrets => ({
  token: randomBytes(32).toString("base64url"),
  shared: randomBytes(32).toString("base64url"),
  authority,
});

/** Files of the secret of each component; the hub has no key to vouch with. */
export function secretFiles(
  { token, shared, authority }: Secrets,
): Record<"hub" | "worker", Record<string, string>> {
  return {
    hub: { token, secret: shared, "ca.crt": authority.cert },
    worker: {
      secret: shared,
      "ca.crt": authority.cert,
      "ca.key": authority.key,
    },
  };
}

/** The secrets as objects. */
export function secretObjects(
  secrets: Secrets,
  settings: Settings,
): KubeObject[] {
  const files = secretFiles(secrets);
  return (["hub", "worker"] as const).map((component) =>
    tailor<Secret>({
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: component === "hub" ? NAMES.hubSecret : NAMES.workerSecret,
        namespace: NAMES.namespace,
        labels: {
          "app.kubernetes.io/name": "thresher",
          [LABELS.part]: "thresher",
          [LABELS.component]: component,
          [LABELS.manager]: "thresher-cli",
        },
      },
      type: "Opaque",
      stringData: files[component],
    }, settings)
  );
}

interface Secret extends KubeObject {
  readonly type: string;
  readonly stringData: Readonly<Record<string, string>>;
}

/** What tailoring looks at; all the rest is passed on. */
interface Tailorable extends KubeObject {
  readonly roleRef?: { readonly name: string };
  readonly subjects?: readonly { readonly namespace: string }[];
  /** Of what OpenShift allows: accounts by their full names. */
  readonly users?: readonly string[];
  readonly spec?: {
    readonly template?: { readonly metadata: Metadata; readonly spec: PodSpec };
  };
}

interface PodSpec {
  readonly containers: readonly {
    readonly name: "hub" | "worker";
    readonly args: readonly string[];
    readonly ports: readonly { readonly containerPort: number }[];
  }[];
  readonly volumes: readonly { readonly name: string }[];
}

function tailor<T extends KubeObject>(given: T, settings: Settings): T {
  const object: Tailorable = given;
  const { kind, metadata = {} } = object;
  const { template } = object.spec ?? {};
  const suffix = settings.namespace === NAMES.namespace
    ? ""
    : `-${settings.namespace}`;
  const isShared = kind === "SecurityContextConstraints" ||
    (kind?.startsWith("ClusterRole") ?? false);
  return {
    ...object,
    metadata: {
      ...labelled(metadata, settings),
      // Two installations share no object of the cluster.
      ...(isShared && { name: metadata.name + suffix }),
      ...(kind === "Namespace" && { name: settings.namespace }),
      ...(metadata.namespace && { namespace: settings.namespace }),
    },
    ...(object.roleRef && {
      roleRef: { ...object.roleRef, name: object.roleRef.name + suffix },
    }),
    ...(object.subjects && {
      subjects: object.subjects.map((subject) => ({
        ...subject,
        namespace: settings.namespace,
      })),
    }),
    ...(object.users && {
      users: object.users.map((user) =>
        user.replace(`:${NAMES.namespace}:`, () => `:${settings.namespace}:`)
      ),
    }),
    ...(template && {
      spec: {
        ...object.spec,
        template: {
          metadata: labelled(template.metadata, settings),
          spec: tailorPod(template.spec, settings),
        },
      },
    }),
  } as T; // as it was, but for values
}

function labelled(metadata: Metadata, settings: Settings): Metadata {
  const { instance, version } = settings;
  return {
    ...metadata,
    labels: {
      ...metadata.labels,
      ...(instance && { [LABELS.instance]: instance }),
      ...(version && { [LABELS.version]: version }),
    },
  };
}

const WORKER_PORT_ARGUMENT = new RegExp(
  `^(--listen=:|--worker-port=)${WORKER_PORT}$`,
);

function tailorPod(spec: PodSpec, settings: Settings): unknown {
  const { image, imagePullSecrets, workerPort, volumeSize, targets } = settings;
  const secrets = typeof imagePullSecrets === "string"
    ? imagePullSecrets
    : imagePullSecrets.map((name) => ({ name }));
  const { resources, ...placement } =
    settings.pods?.[spec.containers[0]!.name] ?? {};
  return {
    ...spec,
    ...placement,
    ...(secrets.length > 0 && { imagePullSecrets: secrets }),
    containers: spec.containers.map((container) => ({
      ...container,
      image,
      ...(resources !== undefined && { resources }),
      args: container.args.map((arg) =>
        arg.replace(
          /^--storage-limit=.*/,
          () => `--storage-limit=${settings.storageLimit}`,
        ).replace(
          WORKER_PORT_ARGUMENT,
          (_, flag) => `${flag}${workerPort}`,
        ).replace(
          /^--targets=.*/,
          () =>
            typeof targets === "string"
              ? targets
              : `--targets=${JSON.stringify(targets)}`,
        )
      ),
      ports: container.ports.map((port) => ({
        ...port,
        ...(port.containerPort === WORKER_PORT && {
          containerPort: workerPort,
        }),
      })),
    })),
    volumes: spec.volumes.map((volume) =>
      volume.name === "data"
        ? { ...volume, emptyDir: { sizeLimit: volumeSize } }
        : volume
    ),
  };
}
