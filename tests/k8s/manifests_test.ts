/** The manifests: valid, of least privilege, and the same however packaged. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import config from "../../deno.json" with { type: "json" };
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import { imageName } from "../../k8s/image_name.ts";
import { LABELS } from "../../k8s/identity.ts";
import {
  makeSecrets,
  objectsOf,
  OPENSHIFT,
  readManifests,
  secretObjects,
  type Settings,
  tailored,
  USUAL,
  volumeSizeFor,
} from "../../k8s/installation.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { resourceOf } from "../../k8s/resource.ts";
import { toChart, toKustomization } from "../../k8s/packaging.ts";
import { writeFiles } from "../../cli/run_manifests.ts";
import { writeManifests } from "../../tasks/manifests.ts";
import { readSchemas } from "./openapi.ts";
import { breaks, type PodSpec } from "./pod_security.ts";
import { witnesses } from "./witnesses.ts";

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
  for (const settings of [USUAL, CHOSEN, { ...USUAL, mesh: true }]) {
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

Deno.test("with --mesh the worker gets what entering networks takes, and no more", () => {
  const meshed = objectsOf({ ...USUAL, mesh: true });
  const [pod, before] = [meshed, readManifests()].map((objects) =>
    find<Templated>(objects, "DaemonSet", "thresher-worker-daemon-set")
      .spec.template.spec
  );
  deepEqual(breaks(pod!, "baseline"), [
    "host network",
    "host processes",
    "adds NET_RAW,SYS_ADMIN,SYS_PTRACE",
  ]);
  const [container] = before!.containers;
  const { securityContext } = container!;
  deepEqual(pod, {
    ...before!,
    hostPID: true,
    containers: [{
      ...container!,
      args: [...container!.args, "--mesh"],
      securityContext: {
        ...securityContext!,
        capabilities: {
          drop: ["ALL"],
          add: ["NET_RAW", "SYS_ADMIN", "SYS_PTRACE"],
        },
      },
    }],
  });
});

Deno.test("with --mesh the hub gets an argument, and no right", () => {
  const pod = find<Templated>(
    objectsOf({ ...USUAL, mesh: true }),
    "Deployment",
    "thresher-hub",
  ).spec.template.spec;
  deepEqual(breaks(pod, "restricted"), []);
  equal(pod.containers[0]!.args.at(-1), "--mesh");
  const roles = (mesh: boolean) =>
    objectsOf({ ...USUAL, mesh }).filter(({ kind }) => /Role/.test(kind!));
  deepEqual(roles(true), roles(false));
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
    path !== "kustomization.yaml" && !/^(openshift|mesh)\//.test(path)
  );
  deepEqual(named.sort(), brought.sort());
});

/** Runs a program to its end. @returns what it printed, as objects */
async function run(program: string, ...args: string[]): Promise<KubeObject[]> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args })
    .output();
  const [said, complained] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  equal(success, true, said! + complained);
  return loadAll(said!).filter(Boolean) as KubeObject[];
}

/** Both in a folder of their own, and the programs that read them. */
async function written(
  use: (folder: string, programs: { kubectl: string; helm: string }) => Promise<
    void
  >,
): Promise<void> {
  const programs = await witnesses();
  if (!programs) return;
  const folder = await Deno.makeTempDir();
  try {
    await writeManifests(folder);
    await use(folder, programs);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const byName = (a: KubeObject, b: KubeObject) =>
  `${a.kind} ${a.metadata?.name}` < `${b.kind} ${b.metadata?.name}` ? -1 : 1;

const notSecret = ({ kind }: KubeObject) => kind !== "Secret";

/** What helm made, but for what a chart says otherwise: who applies it. */
const asApplied = (objects: readonly KubeObject[]): KubeObject[] =>
  objects.filter(notSecret).map((object) =>
    JSON.parse(JSON.stringify(object), (key, value) => {
      if (key === LABELS.manager && value === "Helm") return "thresher-cli";
      return Array.isArray(value) && value.length === 0 ? undefined : value;
    })
  );

Deno.test("helm makes the manifests of the chart, with its defaults", () =>
  written(async (folder, { helm }) => {
    const chart = join(folder, "chart");
    await run(helm, "lint", "--strict", "--quiet", chart);
    const all = await run(helm, "template", "t", chart, "-n", "thresher");
    const objects = asApplied(all).map((object) =>
      // Kept in namespaces of their own, the chart's cluster roles say so.
      JSON.parse(
        JSON.stringify(object).replaceAll(
          "thresher-hub-thresher",
          "thresher-hub",
        ),
      )
    );
    const expected = readManifests().filter(({ kind }) => kind !== "Namespace");
    deepEqual(objects.sort(byName), expected.sort(byName));
    const schemas = readSchemas();
    for (const object of all) deepEqual(schemas?.check(object) ?? [], []);
  }));

Deno.test("what a chart's user sets is where tap would put it", () =>
  written(async (folder, { helm }) => {
    const values = join(folder, "values.yaml");
    await Deno.writeTextFile(
      values,
      `image: ${CHOSEN.image}
imagePullSecrets: [{ name: registry }]
storageLimit: 2000000000
volumeSize: ${CHOSEN.volumeSize}
workerPort: ${CHOSEN.workerPort}
targets: ${JSON.stringify(CHOSEN.targets)}
mesh: true
`,
    );
    const { instance: _, version: __, ...plain } = CHOSEN;
    const chosen = { ...plain, mesh: true };
    const chart = join(folder, "chart");
    const all = await run(
      helm,
      ...["template", "t", chart, "-n", CHOSEN.namespace, "-f", values],
    );
    const objects = asApplied(all);
    const expected = objectsOf({ ...chosen, storageLimit: "2000000000" })
      .filter(({ kind }) => kind !== "Namespace");
    deepEqual(objects.sort(byName), expected.sort(byName));
  }));

Deno.test("the chart's authority vouches for workers as ours does", () =>
  written(async (folder, { helm }) => {
    const all = await run(helm, "template", "t", join(folder, "chart"));
    const { data } = find<{ data: Record<string, string> }>(
      all,
      "Secret",
      "thresher-worker",
    );
    const read = (name: string) =>
      new TextDecoder().decode(Uint8Array.fromBase64(data[name]!));
    const authority = { cert: read("ca.crt"), key: read("ca.key") };
    const { cert } = issue(authority, "node", ["10.0.0.5"], new Date());
    const worker = new X509Certificate(cert);
    const vouching = new X509Certificate(authority.cert);
    ok(worker.verify(vouching.publicKey));
    ok(worker.checkIssued(vouching));
    equal(worker.checkIP("10.0.0.5"), "10.0.0.5");
    ok(read("secret").length >= 43);
    const none = await run(
      helm,
      ...["template", "t", join(folder, "chart")],
      ...["--set", "secrets.create=false"],
    );
    deepEqual(none.filter(({ kind }) => kind === "Secret"), []);
  }));

Deno.test("a chart that is made with --mesh has it as its default", () =>
  written(async (folder, { helm }) => {
    const settings = { ...USUAL, mesh: true };
    const chart = join(folder, "meshed");
    await writeFiles(chart, toChart(config.version, settings));
    const template = ["template", "t", chart, "-n", "thresher"];
    const isPod = ({ kind }: KubeObject) =>
      kind === "DaemonSet" || kind === "Deployment";
    const [meshed, plain] = await Promise.all([
      run(helm, ...template),
      run(helm, ...template, "--set", "mesh=false"),
    ]);
    deepEqual(
      asApplied(meshed).filter(isPod),
      objectsOf(settings).filter(isPod).reverse(),
    );
    deepEqual(
      asApplied(plain).filter(isPod),
      readManifests().filter(isPod).reverse(),
    );
  }));

Deno.test("the kustomization's mesh component is what --mesh makes", () =>
  written(async (folder, { kubectl }) => {
    const path = join(folder, "meshed");
    const settings = { ...USUAL, mesh: true };
    await writeFiles(path, toKustomization(secrets, settings));
    const made = await run(kubectl, "kustomize", path);
    deepEqual(
      made.filter(notSecret).sort(byName),
      objectsOf(settings).sort(byName),
    );
    const file = join(path, "kustomization.yaml");
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(
      file,
      text.replace("- mesh", "- openshift\n  - mesh"),
    );
    const onOpenShift = await run(kubectl, "kustomize", path);
    interface Constraint {
      readonly allowHostPID: boolean;
      readonly allowedCapabilities: readonly string[];
    }
    const granted = (objects: readonly KubeObject[]) => {
      const kind = "SecurityContextConstraints";
      const found = find<Constraint>(objects, kind, "thresher-worker");
      return [found.allowHostPID, found.allowedCapabilities];
    };
    deepEqual(granted(onOpenShift), granted(tailored(OPENSHIFT, settings)));
    deepEqual(granted(onOpenShift), [
      true,
      ["NET_RAW", "SYS_ADMIN", "SYS_PTRACE"],
    ]);
  }));

Deno.test("only OpenShift gets constraints, and those fit the pods", () =>
  written(async (folder, { helm, kubectl }) => {
    const template = ["template", "t", join(folder, "chart"), "-n", "traffic"];
    const isConstraint = ({ kind }: KubeObject) =>
      kind === "SecurityContextConstraints";
    const plain = await run(helm, ...template);
    deepEqual(plain.filter(isConstraint), []);
    const group = "security.openshift.io/v1";
    const there = await run(helm, ...template, "--api-versions", group);
    const found = there.filter(isConstraint).map((one) =>
      one as KubeObject & {
        readonly users: readonly string[];
        readonly allowHostNetwork: boolean;
        readonly allowHostPID: boolean;
        readonly allowedCapabilities: readonly string[];
        readonly readOnlyRootFilesystem: boolean;
        readonly volumes: readonly string[];
      }
    );
    deepEqual(found.map(({ users }) => users).flat().sort(), [
      "system:serviceaccount:traffic:thresher-hub",
      "system:serviceaccount:traffic:thresher-worker",
    ]);
    for (const [pod, name] of [[hub, "hub"], [worker, "worker"]] as const) {
      const constraint = found.find(({ metadata }) =>
        metadata?.name === `thresher-${name}-traffic`
      )!;
      const { capabilities } = pod.containers[0]!.securityContext!;
      equal(constraint.allowHostNetwork, pod.hostNetwork ?? false);
      equal(constraint.allowHostPID, false);
      deepEqual(constraint.allowedCapabilities, capabilities?.add ?? []);
      ok(constraint.readOnlyRootFilesystem);
      for (const { name: _, ...volume } of pod.volumes!) {
        ok(constraint.volumes.includes(Object.keys(volume)[0]!));
      }
    }
    const path = join(folder, "kustomize");
    equal((await run(kubectl, "kustomize", path)).some(isConstraint), false);
    const file = join(path, "kustomization.yaml");
    await Deno.writeTextFile(file, "components: [openshift]\n", {
      append: true,
    });
    equal(
      (await run(kubectl, "kustomize", path)).filter(isConstraint).length,
      2,
    );
  }));

Deno.test("kubectl makes the manifests of the kustomization", () =>
  written(async (folder, { kubectl }) => {
    const path = join(folder, "kustomize");
    const key = join(path, "secrets", "worker", "ca.key");
    equal((await Deno.stat(key)).mode! & 0o777, 0o600);
    const all = await run(kubectl, "kustomize", path);
    deepEqual(
      all.filter(notSecret).sort(byName),
      readManifests().sort(byName),
    );
    equal(all.length, everything(USUAL).length);
    const schemas = readSchemas();
    for (const object of all) deepEqual(schemas?.check(object) ?? [], []);
  }));
