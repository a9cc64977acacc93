/** `manifests` and `images`: what they print is what is installed. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { loadAll } from "js-yaml";
import config from "../../deno.json" with { type: "json" };
import { objectsOf, readManifests, USUAL } from "../../k8s/installation.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { thresher } from "./program.ts";
import { Scratch } from "./scratch.ts";

const namesOf = (text: string): string[] =>
  (loadAll(text) as KubeObject[]).map(({ kind, metadata }) =>
    `${kind} ${metadata?.namespace ?? ""}/${metadata?.name}`
  );

Deno.test("manifests are printed as they are, or to measure", async () => {
  using scratch = new Scratch();
  const run = (...args: string[]) =>
    thresher(scratch.folder, ["manifests", ...args]);
  const plain = await run();
  equal(plain.code, 0, plain.stderr);
  deepEqual(loadAll(plain.stdout), readManifests());
  match(plain.stderr, /without secrets: `thresher manifests --secrets`/);
  const { stdout } = await run(
    ...["--install-namespace", "traffic", "--storage-limit", "2GB"],
    ...["--registry", "registry.example/", "--image-pull-secret", "a,b"],
  );
  ok(namesOf(stdout).includes("ClusterRole /thresher-hub-traffic"));
  match(stdout, /image: registry\.example\/thresher:/);
  match(stdout, /--storage-limit=2000000000/);
  match(stdout, /imagePullSecrets:\s+- name: a\s+- name: b/);
  deepEqual(
    loadAll((await run("--mesh")).stdout),
    objectsOf({ ...USUAL, mesh: true }),
  );
  deepEqual(namesOf((await run("--secrets")).stdout), [
    "Secret thresher/thresher-hub",
    "Secret thresher/thresher-worker",
  ]);
  deepEqual(namesOf((await run("--openshift")).stdout), [
    "SecurityContextConstraints /thresher-worker",
    "SecurityContextConstraints /thresher-hub",
  ]);
});

Deno.test("kustomization and chart are written to a folder", async () => {
  using scratch = new Scratch();
  const run = (...args: string[]) =>
    thresher(scratch.folder, ["manifests", ...args]);
  equal((await run("--format", "kustomize", "-o", "k")).code, 0);
  ok(Deno.statSync(scratch.path("k/kustomization.yaml")).isFile);
  equal(Deno.statSync(scratch.path("k/secrets/hub")).mode! & 0o777, 0o700);
  const token = Deno.statSync(scratch.path("k/secrets/hub/token"));
  equal(token.mode! & 0o777, 0o600);
  const helm = ["--format", "helm", "-o", "h", "--storage-limit", "2GB"];
  equal((await run(...helm)).code, 0);
  match(
    Deno.readTextFileSync(scratch.path("h/values.yaml")),
    /^storageLimit: "2000000000"$/m,
  );
  for (
    const args of [
      ["--format", "helm"],
      ["--output", "x"],
      ["--format", "helm", "--openshift", "-o", "x"],
      ["--install-namespace", "No Namespace"],
    ]
  ) {
    const { code, stdout, stderr } = await run(...args);
    equal(code, 2, stderr);
    equal(stdout, "");
  }
});

Deno.test("images are those of the manifests, wherever they are", async () => {
  using scratch = new Scratch();
  const { stdout } = await thresher(scratch.folder, ["images"]);
  equal(stdout, `thresher:${config.version}\n`);
  const named = JSON.stringify(readManifests()).match(/(?<="image":")[^"]*/g);
  deepEqual([...new Set(named)], [stdout.trim()]);
  const there = await thresher(scratch.folder, [
    ...["images", "--registry", "registry.example:5000/tools"],
  ]);
  equal(
    there.stdout,
    `registry.example:5000/tools/thresher:${config.version}\n`,
  );
});
