/** `query` over a hub that runs on this machine: the same answers, live. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Outcome, start, thresher } from "./program.ts";
import { captures, DNS, HTTP, Scratch } from "./scratch.ts";

/** A hub over savefiles, until disposed of. */
async function tap(folder: string): Promise<AsyncDisposable & { url: string }> {
  const child = start(
    folder,
    ["tap", "--no-browser", "--pcap", HTTP],
    { stderr: "piped" },
  );
  let said = "";
  let url: string | undefined;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    url = /open (http:\S+)\/\?code=/.exec(said)?.[1];
    if (url !== undefined) break;
  }
  if (url === undefined) throw new Error(`tap did not start: ${said}`);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGINT");
      await child.status;
    },
  };
}

Deno.test({
  name: "query asks the hub that runs here, and prints what it prints of files",
  // The program's output is read in part only.
  sanitizeResources: false,
  async fn() {
    using scratch = new Scratch(captures());
    const { folder } = scratch;
    await using hub = await tap(folder);
    match(hub.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const query = (...args: string[]): Promise<Outcome> =>
      thresher(folder, ["query", ...args]);
    for (
      const args of [
        ["http"],
        ["http and response.status >= 400"],
        ["", "--order", "desc", "--limit", "3"],
        ["http", "--count"],
        ["http", "--limit", "4", "--count"],
      ]
    ) {
      const [over, of] = await Promise.all([
        query(...args),
        query(...args, "--pcap", HTTP),
      ]);
      deepEqual([over.code, over.stdout], [0, of.stdout], args.join(" "));
    }
    const [over, of] = await Promise.all([
      query("http", "--json"),
      query("http", "--json", "--pcap", HTTP),
    ]);
    equal(over.stdout.replaceAll(/~1~(\d+~\d+")/g, "~0~$1"), of.stdout);
    await endings(folder, hub.url);
  },
});

/** How it ends, when it cannot answer. */
async function endings(folder: string, url: string): Promise<void> {
  const wrong = await thresher(folder, ["query", "htp"]);
  deepEqual([wrong.code, wrong.stdout], [2, ""]);
  match(wrong.stderr, /did you mean `http`/);
  const few = await thresher(folder, ["query", "http", "--expect", "3"]);
  equal(few.code, 5);
  await Deno.writeTextFile(`${folder}/other`, "not the token of that hub");
  const denied = await thresher(folder, [
    ...["query", "http", "--hub", url, "--token-file", `${folder}/other`],
  ]);
  equal(denied.code, 3);
  match(denied.stderr, /another token/);
  const named = await thresher(folder, ["query", "--hub", url, "--count"]);
  deepEqual([named.code, named.stdout], [0, "10\n"]);
}

Deno.test("a hub that is not there is said so", async () => {
  using scratch = new Scratch();
  const { folder } = scratch;
  const env = { THRESHER_TOKEN: "a token of some length" };
  const gone = await thresher(
    folder,
    ["query", "http", "--hub", "http://127.0.0.1:1"],
    env,
  );
  equal(gone.code, 4);
  match(gone.stderr, /nobody listens there/);
  const none = await thresher(folder, ["query", "--hub", "ftp://a"], env);
  equal(none.code, 2);
  const tokenless = await thresher(folder, ["query", "--hub", "http://a"]);
  equal(tokenless.code, 2);
  match(tokenless.stderr, /--token-file/);
  const follow = await thresher(folder, ["query", "http", "-f"]);
  equal(follow.code, 2);
  match(follow.stderr, /thresher tap/);
});

Deno.test("the token is for its user alone, and a killed hub is not asked", async () => {
  using scratch = new Scratch();
  const { folder } = scratch;
  const child = start(folder, ["tap", "--no-browser", "--pcap", HTTP]);
  const state = `${folder}/state/thresher-hub`;
  const [running] = await announced(state, 1);
  for (const path of [`${state}/token`, running!]) {
    equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  }
  for (const path of [state, `${state}/running`]) {
    equal((await Deno.stat(path)).mode! & 0o777, 0o700);
  }
  child.kill("SIGKILL");
  await child.status;
  await Deno.stat(running!);
  const query = await thresher(folder, ["query", "http"]);
  equal(query.code, 2);
  match(query.stderr, /There is nothing to ask/);
  deepEqual(await announced(state, 0), []);
});

Deno.test("of two hubs the one that is left is asked", async () => {
  using scratch = new Scratch();
  const { folder } = scratch;
  const state = `${folder}/state/thresher-hub`;
  const first = start(folder, ["tap", "--no-browser", "--pcap", HTTP]);
  await announced(state, 1);
  const second = start(folder, ["tap", "--no-browser", "--pcap", DNS]);
  await announced(state, 2);
  const ask = async () =>
    (await thresher(folder, ["query", "http", "--count"])).stdout.trim();
  equal(await ask(), "0");
  second.kill("SIGINT");
  await second.status;
  ok(Number(await ask()) > 0);
  first.kill("SIGINT");
  await first.status;
  deepEqual(await announced(state, 0), []);
});

/** Files of so many hubs that run, once there are that many. */
async function announced(state: string, count: number): Promise<string[]> {
  const begun = performance.now();
  while (true) {
    const paths: string[] = [];
    try {
      for await (const { name } of Deno.readDir(`${state}/running`)) {
        if (name.endsWith(".json")) paths.push(`${state}/running/${name}`);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    if (paths.length === count || performance.now() - begun > 30_000) {
      equal(paths.length, count);
      return paths;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
