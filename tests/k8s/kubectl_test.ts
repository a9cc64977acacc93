/** The real kubectl against the fake API server: a second witness. */
import { deepEqual, equal, match } from "node:assert/strict";
import { dump } from "js-yaml";
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import { objectsOf, USUAL } from "../../k8s/installation.ts";
import { startFakeApiServer } from "./fake_api_server.ts";
import { until } from "./until.ts";
import { witnesses } from "./witnesses.ts";

const programs = await witnesses();

Deno.test({
  name: "kubectl applies, gets and deletes on the fake server",
  ignore: programs === undefined,
  async fn() {
    // kubectl sends no token where nothing is encrypted.
    const now = new Date();
    const authority = makeAuthority("cluster", now);
    const tls = issue(authority, "kubernetes", ["127.0.0.1"], now);
    await using server = await startFakeApiServer({ tls });
    const ca = new TextEncoder().encode(authority.cert).toBase64();
    const trust = { "certificate-authority-data": ca };
    const folder = await Deno.makeTempDir();
    const config = `${folder}/config`;
    await Deno.writeTextFile(config, server.kubeconfig("admin-token", trust));
    const kubectl = async (...args: readonly string[]) => {
      const { success, stdout, stderr } = await new Deno.Command(
        programs!.kubectl,
        {
          args: [`--kubeconfig=${config}`, `--cache-dir=${folder}`, ...args],
        },
      ).output();
      const [said, complained] = [stdout, stderr].map((bytes) =>
        new TextDecoder().decode(bytes)
      );
      equal(success, true, `${complained}`);
      return said!;
    };
    try {
      const file = `${folder}/objects.yaml`;
      const objects = objectsOf(USUAL);
      await Deno.writeTextFile(
        file,
        objects.map((object) => dump(object)).join("---\n"),
      );
      const apply = ["apply", "--server-side", "--validate=false", "-f", file];
      const applied = (await kubectl(...apply)).trim().split("\n");
      equal(applied.length, objects.length);
      for (const line of applied) match(line, /serverside-applied$/);
      const wait = ["-n", "thresher", "get", "deploy,ds", "-o", "name"];
      deepEqual((await kubectl(...wait)).trim().split("\n"), [
        "deployment.apps/thresher-hub",
        "daemonset.apps/thresher-worker-daemon-set",
      ]);
      await until("its pods run", async () => {
        const path = "jsonpath={.items[*].status.phase}";
        const args = ["-n", "thresher", "get", "po", "-o", path];
        return /^Running Running$/.test(await kubectl(...args));
      });
      const log = ["-n", "thresher", "logs", "deploy/thresher-hub"];
      equal(await kubectl(...log), "started\n");
      // With the namespace the rest may be gone before it is asked for.
      const patient = ["--timeout=60s", "--ignore-not-found"];
      await kubectl("delete", ...patient, "-f", file);
      deepEqual(server.namesOf("Namespace"), ["default", "kube-system"]);
      deepEqual(server.namesOf("ClusterRole"), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
