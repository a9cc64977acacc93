import { deepEqual, equal, match, ok } from "node:assert/strict";
import { shellQuote, toCurl } from "../../../web/model/curl.ts";
import type { EntryJson } from "../../../web/model/entry_json.ts";
import { Random } from "../../fuzz/random.ts";
import { entryWith } from "../detail_entries.ts";

/** Whether the program is here; says so if it is not. */
function lacks(program: string): boolean {
  try {
    return !new Deno.Command(program, { args: ["--version"] }).outputSync()
      .success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.warn(`ignore: commands are not run, for want of ${program}`);
    return true;
  }
}

const lacksShell = lacks("bash") || lacks("curl");

/** What a request is, as a server sees it. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: Uint8Array;
}

/** Runs the command of an entry whose URL leads to a server of the test's. */
async function run(request: Record<string, unknown>): Promise<Seen> {
  const seen = Promise.withResolvers<Seen>();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (came) => {
      const { method, url } = came;
      const headers = Object.fromEntries(came.headers);
      seen.resolve({ method, url, headers, body: await came.bytes() });
      return new Response("fine");
    },
  );
  const host = `127.0.0.1:${server.addr.port}`;
  const url = `http://${host}${request["target"]}`;
  const command = toCurl(entryWith({ request: { ...request, url } }));
  const { success, stderr } = await new Deno.Command("bash", {
    args: ["-c", command!.text],
  }).output();
  ok(success, new TextDecoder().decode(stderr) + command!.text);
  const { url: at, ...rest } = await seen.promise;
  return { ...rest, url: at.replace(/^http:\/\/[^/]*/, "") };
}

Deno.test({
  name: "a command sends the same request again",
  ignore: lacksShell,
  async fn() {
    const seen = await run({
      method: "PUT",
      target: "/a%20b/[1-3]?q={x,y}&z='$(id)'",
      headers: {
        accept: "*/*",
        "content-type": "application/json",
        "x-quote": `it's "$HOME" \`id\` \\ !x`,
        "x-empty": "",
        "content-length": "999",
      },
      body: `{"name":"O'Neil","line":"a\\nb","rtl":"\u202e"}\n@not-a-file`,
    });
    equal(seen.method, "PUT");
    equal(seen.url, "/a%20b/[1-3]?q={x,y}&z='$(id)'");
    equal(seen.headers["x-quote"], `it's "$HOME" \`id\` \\ !x`);
    equal(seen.headers["x-empty"], "");
    equal(seen.headers["content-type"], "application/json");
    equal(
      new TextDecoder().decode(seen.body),
      `{"name":"O'Neil","line":"a\\nb","rtl":"\u202e"}\n@not-a-file`,
    );
  },
});

Deno.test({
  name: "a body that no argument can hold is sent as its bytes",
  ignore: lacksShell,
  async fn() {
    const bytes = new Uint8Array(256).map((_, i) => i);
    for (const body of [{ base64: bytes.toBase64() }, "a\0b"]) {
      const headers = { "content-type": "application/octet-stream" };
      const seen = await run({ method: "POST", target: "/", headers, body });
      equal(seen.method, "POST");
      deepEqual(
        [...seen.body],
        [...typeof body === "string" ? new TextEncoder().encode(body) : bytes],
      );
    }
  },
});

Deno.test({
  name: "whatever a peer sent is one word of the shell",
  ignore: lacksShell,
  async fn() {
    const random = new Random(30);
    const signs = ["'", '"', "\\", "$", "`", "!", "\n", "\t", "\x1b", "\u202e"];
    const words = Array.from({ length: 300 }, () =>
      Array.from(
        { length: random.int(0, 12) },
        () =>
          random.chance(0.6)
            ? random.pick(signs)
            : random.pick(["0", "7", "x", "é", "😀", " "]),
      ).join(""));
    const script = `printf '%s\\0' ${words.map(shellQuote).join(" ")}`;
    ok(!script.includes("\x1b") && !script.includes("\u202e"));
    const { stdout } = await new Deno.Command("bash", { args: ["-c", script] })
      .output();
    const read = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
    deepEqual(read, words);
  },
});

Deno.test("secrets and what is redacted are left out, and said so", () => {
  const { text, notes } = toCurl(entryWith({
    request: {
      method: "GET",
      url: "http://carts/",
      target: "/",
      headers: {
        host: "carts",
        authorization: "Bearer 5ecret",
        cookie: "session=5ecret",
        "x-csrf-token": "5ecret",
        "x-user": "[REDACTED]",
      },
    },
  }))!;
  ok(!text.includes("5ecret") && !text.includes("[REDACTED]"), text);
  match(text, /-H 'authorization: <authorization>'/);
  equal(notes.length, 4);
});

Deno.test("options are those that the request needs", () => {
  const of = (
    request: Record<string, unknown>,
    more: Partial<EntryJson> = {},
  ) =>
    toCurl(entryWith({
      request: { method: "GET", target: "/", url: "http://a/", ...request },
      ...more,
    }))?.text;
  equal(of({}), "curl 'http://a/'");
  equal(of({ method: "HEAD" }), "curl 'http://a/' \\\n  --head");
  equal(of({ method: "POST", body: "x" })?.includes("-X"), false);
  match(of({ method: "DELETE" })!, /-X 'DELETE'/);
  match(of({}, { version: "2" })!, /--http2-prior-knowledge/);
  match(of({}, { version: "1.0" })!, /--http1\.0/);
  match(of({ headers: { "accept-encoding": "gzip" } })!, /--compressed/);
  match(of({ url: undefined })!, /^curl 'http:\/\/10\.1\.0\.9:80\/'/);
  match(of({ url: "http://a/../b" })!, /--path-as-is/);
  match(of({ body: "cut", bodyCut: true })!, /--data-binary @body\.bin/);
});

Deno.test("what is no request that can be sent has no command", () => {
  equal(toCurl(entryWith({ request: undefined })), undefined);
  const connect = { method: "CONNECT", target: "a:443", url: "http://a/" };
  equal(toCurl(entryWith({ request: connect })), undefined);
  equal(toCurl(entryWith({ request: { command: "GET" } })), undefined);
});
