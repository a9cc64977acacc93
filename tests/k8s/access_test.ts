/** Which cluster a kubeconfig leads to, and as whom. */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { fromKubeconfig } from "../../k8s/access.ts";
import { ClusterError } from "../../k8s/cluster_error.ts";

/** A kubeconfig with two contexts. */
const config = (user: object) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "near",
    clusters: [
      { name: "one", cluster: { server: "https://one.test:6443/" } },
      { name: "two", cluster: { server: "https://two.test" } },
    ],
    users: [{ name: "me", user }],
    contexts: [
      {
        name: "near",
        context: { cluster: "one", user: "me", namespace: "shop" },
      },
      { name: "far", context: { cluster: "two", user: "me" } },
      { name: "lost", context: { cluster: "three", user: "me" } },
    ],
  });

async function withConfig(
  run: (path: string) => Promise<void>,
  user: object = { token: "first" },
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, config(user));
    await run(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("the current context counts, or the one that is named", () =>
  withConfig(async (path) => {
    const near = await fromKubeconfig([path]);
    equal(near?.server, "https://one.test:6443");
    equal(near?.namespace, "shop");
    const far = await fromKubeconfig([path], "far");
    equal(far?.server, "https://two.test");
    equal(far?.namespace, "default");
    equal(await fromKubeconfig([]), undefined);
    await rejects(() => fromKubeconfig([path], "nope"), /but near, far, lost/);
    await rejects(() => fromKubeconfig([path], "lost"), /no known cluster/);
  }));

Deno.test("whoever logs in again is believed, without a new start", () =>
  withConfig(async (path) => {
    const access = await fromKubeconfig([path]);
    const token = async () => (await access!.credentials()).headers;
    equal((await token()).authorization, "Bearer first");
    await Deno.writeTextFile(path, config({ token: "the second one" }));
    equal((await token()).authorization, "Bearer the second one");
    // Half-written, it is as before.
    await Deno.writeTextFile(path, '{"apiVersion": "v1", "clus');
    equal((await token()).authorization, "Bearer the second one");
  }));

Deno.test("a plugin is asked again for what the server does not take", async () => {
  const file = await Deno.makeTempFile();
  const script = 'printf \'{"apiVersion":"client.authentication.k8s.io/v1",' +
    '"kind":"ExecCredential","status":{"token":"%s"}}\' "$(cat "$0")"';
  try {
    await withConfig(async (path) => {
      await Deno.writeTextFile(file, "one");
      const access = await fromKubeconfig([path]);
      const first = await access!.credentials();
      equal(first.headers.authorization, "Bearer one");
      await Deno.writeTextFile(file, "two");
      deepEqual(await access!.credentials(), first);
      const second = await access!.credentials(first);
      equal(second.headers.authorization, "Bearer two");
      deepEqual(await access!.credentials(first), second);
    }, {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "sh",
        args: ["-c", script, file],
        interactiveMode: "Never",
      },
    });
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a plugin that gives nothing is a matter of logging in", () =>
  withConfig(
    async (path) => {
      const access = await fromKubeconfig([path]);
      const error = await access!.credentials().then(() => undefined, (e) => e);
      equal(error instanceof ClusterError && error.fault, "unauthorized");
      match(
        error.message,
        /Cannot get credentials for context "near".*Log in/s,
      );
    },
    {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "false",
        interactiveMode: "Never",
      },
    },
  ));
