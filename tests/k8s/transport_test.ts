/** Certificates on the way to the API server: usual ones, and two that are not. */
import { equal, match, rejects } from "node:assert/strict";
import { fromKubeconfig } from "../../k8s/access.ts";
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import { Client } from "../../k8s/client.ts";
import { NAMESPACES } from "../../k8s/resource.ts";
import { follow, PATIENCE } from "../../k8s/watch.ts";
import { type FakeApiServer, startFakeApiServer } from "./fake_api_server.ts";

const NOW = new Date();
const authority = makeAuthority("cluster", NOW);
const base64 = (text: string) => new TextEncoder().encode(text).toBase64();
const CA = { "certificate-authority-data": base64(authority.cert) };

/** A server with a certificate for these, and a client of its kubeconfig. */
async function withTls(
  names: { readonly name: string; readonly addresses: readonly string[] },
  cluster: Record<string, unknown>,
  run: (client: Client, server: FakeApiServer) => Promise<void>,
): Promise<void> {
  const tls = issue(authority, names.name, names.addresses, NOW);
  await using server = await startFakeApiServer({ tls });
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, server.kubeconfig("admin-token", cluster));
    using client = new Client((await fromKubeconfig([file]))!);
    await run(client, server);
  } finally {
    await Deno.remove(file);
  }
}

const HERE = { name: "kubernetes", addresses: ["127.0.0.1"] };
const ELSEWHERE = { name: "kubernetes", addresses: ["192.0.2.1"] };

Deno.test("the kubeconfig's authority is believed, and no other", async () => {
  await withTls(HERE, CA, async (client) => {
    equal(await client.version(), "v1.36.2");
  });
  const other = base64(makeAuthority("other", NOW).cert);
  await withTls(
    HERE,
    { "certificate-authority-data": other },
    async (client) => {
      await rejects(() => client.version(), /authority does not fit/);
    },
  );
  await withTls(ELSEWHERE, CA, async (client) => {
    await rejects(() => client.version(), /Cannot reach the API server/);
  });
});

const UNUSUAL: [string, Record<string, unknown>][] = [
  ["under another name", { ...CA, "tls-server-name": "kubernetes" }],
  ["unverified, as told", { "insecure-skip-tls-verify": true }],
];

for (const [what, cluster] of UNUSUAL) {
  Deno.test(`a server ${what} is asked, watched, and lost`, () =>
    withTls(ELSEWHERE, cluster, async (client, server) => {
      equal((await client.listAll(NAMESPACES)).length, 2);
      const said: string[] = [];
      const stop = new AbortController();
      const patience = { ...PATIENCE, firstDelayMs: 10, silenceMs: 2000 };
      const changes = follow(client, NAMESPACES, {}, stop.signal, patience);
      for await (const { kind } of changes) {
        said.push(kind);
        if (kind === "listed") {
          server.put("Namespace", { metadata: { name: "new" } });
        }
        if (said.at(-1) === "present" && said.includes("listed")) server.cut();
        if (kind === "lost") stop.abort();
      }
      match(said.join(" "), /listed present( present)* lost$/);
    }));
}

Deno.test("another name does not make every certificate good", () =>
  withTls(
    ELSEWHERE,
    { ...CA, "tls-server-name": "somebody-else" },
    async (client) => {
      await rejects(() => client.version(), /Cannot reach the API server/);
    },
  ));
