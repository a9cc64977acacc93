/** `images --push` writes an archive to a real registry. */
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { Registry } from "../../cli/registry.ts";
import { writeArchives } from "../../tasks/image.ts";
import { toImage, toLayer } from "../../tasks/image/layout.ts";
import { eventually, Lab, THRESHER } from "../e2e/lab.ts";
import { lacks } from "../setup.ts";
import { thresher } from "./program.ts";
import { Scratch } from "./scratch.ts";

/** An image for two architectures that share a layer, as archives. */
async function archives(folder: string): Promise<string[]> {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const layer = await toLayer([{ path: "a", kind: "file", bytes }]);
  const start = { entrypoint: ["/a"], user: "1:1", env: {}, labels: {} };
  const images = (["amd64", "arm64"] as const).map((architecture) =>
    toImage(architecture, [layer], start)
  );
  return await writeArchives(images, "thresher:1", folder);
}

/** Of the user `whale` with the password `secret`. */
const HTPASSWD =
  "whale:$2b$05$YHVxWFOMep.iSsZfWMkETu3UPwpGsiRnCEEOAjAmsnvFMFgobHjpW\n";
const CREDENTIALS = btoa("whale:secret");

Deno.test({
  name: "an archive is pushed to a registry, for those who may",
  ignore: Deno.uid() !== 0 || lacks("docker-registry", "skopeo", "ip"),
  async fn() {
    await using lab = await Lab.create();
    await lab.addHost("node");
    const { folder } = lab;
    const [all] = await archives(folder);
    await Deno.writeTextFile(join(folder, "htpasswd"), HTPASSWD);
    await Deno.writeTextFile(
      join(folder, "registry.yml"),
      JSON.stringify({
        version: 0.1,
        storage: { filesystem: { rootdirectory: join(folder, "kept") } },
        http: { addr: "127.0.0.1:5000", secret: "of one test" },
        auth: {
          htpasswd: { realm: "test", path: join(folder, "htpasswd") },
        },
      }),
    );
    const registry = lab.start("node", [
      ...["docker-registry", "serve", join(folder, "registry.yml")],
    ]);
    await lab.listens(registry, 5000);
    const words = [
      ...[...THRESHER, "images", "--registry", "127.0.0.1:5000/tools"],
      ...["--push", all!],
    ];
    const env = { DOCKER_CONFIG: folder };
    const stranger = lab.start("node", words, { env });
    equal(await stranger.ended, 3, stranger.stderr);
    match(stranger.stderr, /lets you not write to it: log in/);
    await Deno.writeTextFile(
      join(folder, "config.json"),
      JSON.stringify({ auths: { "127.0.0.1:5000": { auth: CREDENTIALS } } }),
    );
    const image = `127.0.0.1:5000/tools/thresher:${config.version}`;
    equal(await lab.run("node", words, { env }), `${image}\n`);
    // Once more, with nothing left to upload.
    equal(await lab.run("node", words, { env }), `${image}\n`);
    const inspect = (...args: string[]) =>
      lab.run("node", [
        ...["skopeo", "inspect", "--tls-verify=false"],
        ...["--creds", "whale:secret", ...args, `docker://${image}`],
      ]);
    const { manifests } = JSON.parse(await inspect("--raw"));
    deepEqual(
      manifests.map(({ platform }: { platform: unknown }) => platform),
      [
        { architecture: "amd64", os: "linux" },
        { architecture: "arm64", os: "linux" },
      ],
    );
    equal(JSON.parse(await inspect("--override-arch=arm64")).Layers.length, 1);
    await eventually("the registry ends", async () => {
      await registry.stop();
      return !registry.isRunning;
    });
  },
});

Deno.test("a token is fetched where the registry says, and sent to it alone", async () => {
  const asked: string[] = [];
  await using elsewhere = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      asked.push(`upload ${request.headers.get("authorization")}`);
      return new Response(null, { status: 201 });
    },
  );
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const { pathname, searchParams, origin } = new URL(request.url);
      const authorization = request.headers.get("authorization");
      if (pathname === "/token") {
        asked.push(`token ${authorization} ${searchParams.get("scope")}`);
        return Response.json({ token: "abc" });
      }
      if (authorization !== "Bearer abc") {
        const challenge =
          `Bearer realm="${origin}/token",service="s",scope="a:b"`;
        return new Response(null, {
          status: 401,
          headers: { "www-authenticate": challenge },
        });
      }
      asked.push(`${request.method} ${pathname}`);
      if (request.method === "HEAD") return new Response(null, { status: 404 });
      return new Response(null, {
        status: 202,
        headers: { location: `http://127.0.0.1:${elsewhere.addr.port}/up?x=1` },
      });
    },
  );
  const name = `127.0.0.1:${server.addr.port}/tools/thresher`;
  const registry = new Registry(name, CREDENTIALS);
  equal(await registry.has("sha256:1"), false);
  await registry.putBlob("sha256:1", new Uint8Array(3));
  deepEqual(asked, [
    `token Basic ${CREDENTIALS} a:b`,
    "HEAD /v2/tools/thresher/blobs/sha256:1",
    "POST /v2/tools/thresher/blobs/uploads/",
    "upload null",
  ]);
});

Deno.test("what is no archive, or damaged, is not pushed", async () => {
  using scratch = new Scratch({ "notes.txt": new Uint8Array(600).fill(65) });
  const run = (...args: string[]) =>
    thresher(scratch.folder, ["images", ...args]);
  const [all] = await archives(scratch.folder);
  const bytes = await Deno.readFile(all!);
  const middle = bytes.subarray(30_000, 30_001);
  middle[0]! ^= 1;
  await Deno.writeFile(scratch.path("damaged.tar"), bytes);
  const there = ["--registry", "127.0.0.1:1"];
  const cases: readonly (readonly [args: string[], code: number, RegExp])[] = [
    [["--push", all!], 2, /name a --registry/],
    [[...there, "--push", "none.tar"], 1, /Cannot read "none\.tar": no such/],
    [[...there, "--push", "notes.txt"], 1, /"notes\.txt" is no archive/],
    [[...there, "--push", "damaged.tar"], 1, /is damaged/],
    [[...there, "--push", all!], 1, /Cannot reach the registry/],
  ];
  for (const [args, code, said] of cases) {
    const outcome = await run(...args);
    match(outcome.stderr, said);
    equal(outcome.code, code);
    equal(outcome.stdout, "");
  }
});
