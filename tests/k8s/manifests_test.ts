/** The manifests: valid, of least privilege, and the same however packaged. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import config from "../../deno.json" with { type: "json" };
import { makeAuthority } from "../../k8s/certificates.ts";
import { imageName } from "../../k8s/image_name.ts";
import {
  LABELS,
  makeSecrets,
  objectsOf,
  readManifests,
  secretObjects,
  type Settings,
  USUAL,
  volumeSizeFor,
} from "../../k8s/installation.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { resourceOf } from "../../k8s/resource.ts";
import { toChart, toKustomization } from "../../k8s/packaging.ts";
import { writeManifests } from "../../tasks/manifests.ts";
import { readSchemas } from "./openapi.ts";
import { breaks, type PodSpec } from "./pod_security.ts";

const CHOSEN: Settings = {
  namespace: "traffic",
  image: "registry.example/thresher@sha256:abc",
  imagePullSecrets: ["registry"],
  storageLimit: "2GB",
  volumeSize: volumeSizeFor(2e9),
  workerPort: 48123,
  targets: { pod: "web" },
  instance: "k3x9",
  version: "0.1.0",
};

const secrets = makeSecrets(makeAuthority("thresher", new Date()));

const everything = (settings: Settings): KubeObject[] => [
  ...objectsOf(settings),
  ...secretObjects(secrets, settings),
];

const find = <T>(objects: readonly KubeObject[], kind: string, name: string) =>
  objects.find((one) => one.kind === kind && one.metadata?.name === name) as T;

interface Templated {
  readonly spec: {
    readonly template: {
      readonly spec: PodSpec & {
        readonly containers: readonly { readonly args: readonly string[] }[];
        readonly tolerations?: readonly unknown[];
      };
    };
  };
}

const podOf = (kind: string, name: string) =>
  find<Templated>(readManifests(), kind, name).spec.template.spec;

const hub = podOf("Deployment", "thresher-hub");
const worker = podOf("DaemonSet", "thresher-worker-daemon-set");

Deno.test("every object fits the schemas of Kubernetes, field by field", () => {
  const schemas = readSchemas();
  if (!schemas) return console.log("ignore: no schemas are beside this");
  for (const settings of [USUAL, CHOSEN]) {
    for (const object of everything(settings)) {
      deepEqual(schemas.check(object), [], `${object.kind}`);
    }
  }
  const typo = structuredClone(
    readManifests().find(({ kind }) => kind === "DaemonSet"),
  ) as unknown as { spec: { template: { spec: Record<string, unknown> } } };
  typo.spec.template.spec.hostNetwrok = true;
  typo.spec.template.spec.dnsPolicy = 1;
  deepEqual(schemas.check(typo).map(({ kind, path }) => [kind, path]), [
    ["type", ".spec.template.spec.dnsPolicy"],
    ["unknown", ".spec.template.spec.hostNetwrok"],
  ]);
});

Deno.test("every object is of a kind that the client knows, and labelled", () => {
  for (const object of everything(CHOSEN)) {
    ok(resourceOf(object));
    equal(object.metadata?.labels?.[LABELS.part], "thresher");
    equal(object.metadata?.labels?.[LABELS.manager], "thresher-cli");
    equal(object.metadata?.labels?.[LABELS.instance], "k3x9");
  }
});

Deno.test("the hub passes PodSecurity restricted", () => {
  deepEqual(breaks(hub, "restricted"), []);
  equal(hub.containers[0]!.securityContext?.readOnlyRootFilesystem, true);
});

Deno.test("the worker breaks PodSecurity only by what capturing takes", () => {
  deepEqual(breaks(worker, "baseline"), ["host network", "adds NET_RAW"]);
  const { securityContext } = worker.containers[0]!;
  deepEqual(securityContext, {
    runAsUser: 0,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
  });
  equal(worker.automountServiceAccountToken, false);
  deepEqual(worker.tolerations, [{ operator: "Exists" }]);
});

Deno.test("the check of PodSecurity finds what it should", () => {
  const pod: PodSpec = {
    hostPID: true,
    volumes: [{ name: "a", hostPath: {} }, { name: "b", nfs: {} }],
    containers: [{
      name: "bad",
      ports: [{ hostPort: 80 }],
      securityContext: {
        privileged: true,
        capabilities: { add: ["SYS_ADMIN"] },
      },
    }],
  };
  deepEqual(breaks(pod, "restricted"), [
    "host processes",
    "host path",
    "volume hostPath",
    "volume nfs",
    "privileged",
    "host port",
    "adds SYS_ADMIN",
    "privilege escalation",
    "may run as root",
    "no seccomp",
    "drops not ALL",
    "adds SYS_ADMIN above baseline",
  ]);
});

Deno.test("in the cluster nobody of ours may write, or read secrets", () => {
  interface Role {
    readonly rules: readonly {
      readonly apiGroups: readonly string[];
      readonly resources: readonly string[];
      readonly verbs: readonly string[];
    }[];
  }
  const roles = readManifests().filter(({ kind }) => /Role$/.test(kind!));
  deepEqual(roles.map(({ kind, metadata }) => `${kind} ${metadata?.name}`), [
    "ClusterRole thresher-hub",
  ]);
  for (const { apiGroups, resources, verbs } of (roles[0] as Role).rules) {
    deepEqual(verbs, ["get", "list", "watch"]);
    ok(![...apiGroups, ...resources].includes("*"));
    ok(!resources.includes("secrets"));
  }
  const { subjects } = find<{ subjects: readonly unknown[] }>(
    readManifests(),
    "ClusterRoleBinding",
    "thresher-hub",
  );
  deepEqual(subjects, [
    { kind: "ServiceAccount", name: "thresher-hub", namespace: "thresher" },
  ]);
});

Deno.test("the hub cannot vouch for workers", () => {
  const of = (name: string) =>
    Object.keys(
      find<{ stringData: object }>(everything(USUAL), "Secret", name)
        .stringData,
    );
  deepEqual(of("thresher-hub"), ["token", "secret", "ca.crt"]);
  deepEqual(of("thresher-worker"), ["secret", "ca.crt", "ca.key"]);
});

Deno.test("what is chosen is in every place where it must be", () => {
  const objects = everything(CHOSEN);
  const text = JSON.stringify(objects);
  equal(text.includes(USUAL.image), false);
  equal(text.includes("48999"), false);
  for (const { metadata, kind } of objects) {
    const where = metadata?.namespace ??
      (kind === "Namespace" ? metadata?.name : "traffic");
    equal(where, "traffic");
  }
  ok(find(objects, "ClusterRole", "thresher-hub-traffic"));
  match(text, /"roleRef":\{[^}]*"name":"thresher-hub-traffic"/);
  match(text, /--storage-limit=2GB/);
  match(text, /"sizeLimit":"2513Mi"/);
  match(text, /--listen=:48123/);
  match(text, /--worker-port=48123/);
  ok(text.includes(JSON.stringify('--targets={"pod":"web"}')));
  match(text, /"imagePullSecrets":\[\{"name":"registry"\}\]/);
});

Deno.test("what is installed is the image of this very version", () => {
  equal(USUAL.image, imageName(config.version));
});

Deno.test("with nothing chosen the objects are the manifests", () => {
  deepEqual(objectsOf(USUAL), readManifests());
});

/** What Helm would put for the few templates that the chart has. */
function rendered(text: string): string {
  const values: Record<string, string> = {
    ".Release.Namespace": "thresher",
    ".Release.Service": "thresher-cli",
    ".Values.image": USUAL.image,
    "toJson .Values.imagePullSecrets": "[]",
    ".Values.storageLimit": "200MB",
    ".Values.volumeSize": "400Mi",
    "int .Values.workerPort": "48999",
    'printf "--targets=%s" (toJson .Values.targets) | quote': '"--targets={}"',
  };
  return text.replaceAll(/\{\{ ([^}]*) \}\}/g, (_, expression: string) => {
    ok(expression in values, expression);
    return values[expression]!;
  });
}

Deno.test("the chart's templates with its defaults are the manifests", () => {
  const files = toChart("0.1.0");
  const objects = Object.entries(files).flatMap(([path, text]) =>
    /templates\/(?!secrets).*yaml$/.test(path)
      ? loadAll(rendered(text)) as KubeObject[]
      : []
  ).map((object) =>
    // Kept in namespaces of their own, the chart's cluster roles are named so.
    JSON.parse(
      JSON.stringify(object)
        .replaceAll("thresher-hub-thresher", "thresher-hub")
        .replaceAll(',"imagePullSecrets":[]', ""),
    )
  );
  const byName = (a: KubeObject, b: KubeObject) =>
    `${a.kind} ${a.metadata?.name}` < `${b.kind} ${b.metadata?.name}` ? -1 : 1;
  const expected = readManifests().filter(({ kind }) => kind !== "Namespace");
  deepEqual(objects.sort(byName), expected.sort(byName));
});

Deno.test("the kustomization names every file that it brings", () => {
  const files = toKustomization(secrets);
  const [kustomization] = loadAll(files["kustomization.yaml"]!) as {
    resources: string[];
    secretGenerator: { files: string[] }[];
  }[];
  const named = [
    ...kustomization!.resources,
    ...kustomization!.secretGenerator.flatMap((one) => one.files),
  ];
  const brought = Object.keys(files).filter((path) =>
    path !== "kustomization.yaml"
  );
  deepEqual(named.sort(), brought.sort());
});

/** Where the program is, or nothing. */
async function has(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("helm and kubectl take what is written", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeManifests(folder);
    const key = join(folder, "kustomize", "secrets", "worker", "ca.key");
    equal((await Deno.stat(key)).mode! & 0o777, 0o600);
    const run = async (program: string, ...args: string[]) => {
      const { success, stdout, stderr } = await new Deno.Command(program, {
        args,
      }).output();
      const [said, complained] = [stdout, stderr].map((bytes) =>
        new TextDecoder().decode(bytes)
      );
      equal(success, true, said! + complained);
      return loadAll(said!).filter(Boolean) as KubeObject[];
    };
    const count = everything(USUAL).length;
    if (await has("helm", "version")) {
      const chart = join(folder, "chart");
      await new Deno.Command("helm", { args: ["lint", "--strict", chart] })
        .output().then(({ success }) => equal(success, true));
      const objects = await run("helm", "template", "traffic", chart);
      equal(objects.length, count - 1);
      const schemas = readSchemas();
      for (const object of objects) {
        deepEqual(schemas?.check(object) ?? [], []);
      }
    } else console.log("ignore: no helm here");
    if (await has("kubectl", "version", "--client")) {
      const path = join(folder, "kustomize");
      equal((await run("kubectl", "kustomize", path)).length, count);
    } else console.log("ignore: no kubectl here");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
