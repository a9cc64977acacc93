/** The real helm against the fake API server: a second witness of the chart. */
import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import type { KubeObject } from "../../k8s/objects.ts";
import { writeManifests } from "../../tasks/manifests.ts";
import { startFakeApiServer } from "./fake_api_server.ts";
import { witnesses } from "./witnesses.ts";

const programs = await witnesses();

/** Secrets of what helm rendered, by name. */
const secretsIn = (rendered: string): Record<string, unknown> =>
  Object.fromEntries(
    (loadAll(rendered) as (KubeObject & { readonly data?: unknown })[])
      .filter((object) => object?.kind === "Secret")
      .map(({ metadata, data }) => [metadata!.name!, data]),
  );

Deno.test({
  name: "helm makes secrets once, and keeps those of an installation",
  ignore: programs === undefined,
  async fn() {
    const now = new Date();
    const authority = makeAuthority("cluster", now);
    const tls = issue(authority, "kubernetes", ["127.0.0.1"], now);
    await using server = await startFakeApiServer({ tls });
    const ca = new TextEncoder().encode(authority.cert).toBase64();
    const folder = await Deno.makeTempDir();
    try {
      const config = join(folder, "config");
      await Deno.writeTextFile(
        config,
        server.kubeconfig("admin-token", { "certificate-authority-data": ca }),
      );
      await writeManifests(folder);
      const run = async (program: string, ...args: readonly string[]) => {
        const { success, stdout, stderr } = await new Deno.Command(program, {
          args: [...args, "--kubeconfig", config, "--namespace", "default"],
          env: { HOME: folder },
        }).output();
        const [said, complained] = [stdout, stderr].map((bytes) =>
          new TextDecoder().decode(bytes)
        );
        equal(success, true, `${said}${complained}`);
        return said!;
      };
      const template = ["template", "t", join(folder, "chart")];
      // The fake has no schemas to serve; other tests hold it against them.
      const ask = ["--dry-run=server", "--disable-openapi-validation"];
      const rendered = await run(programs!.helm, ...template, ...ask);
      const file = join(folder, "rendered.yaml");
      await Deno.writeTextFile(file, rendered);
      await run(
        programs!.kubectl,
        ...["apply", "--server-side", "--validate=false", "-f", file],
      );
      deepEqual(server.namesOf("DaemonSet"), [
        "default/thresher-worker-daemon-set",
      ]);
      const made = secretsIn(rendered);
      deepEqual(Object.keys(made), ["thresher-hub", "thresher-worker"]);
      deepEqual(
        secretsIn(
          await run(programs!.helm, ...template, ...ask, "--is-upgrade"),
        ),
        made,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
