/** The dashboard's files: built once, whole, small, and without anything inline. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type Assets, loadAssets, PAGE_HEADERS } from "../../web/assets.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const { files, problem } = await loadAssets();

const textOf = ({ files }: Assets, path: string): string =>
  new TextDecoder().decode(files.get(path)!.bytes);

/** Scripts that a script needs before it runs. */
function neededBy(path: string, known = new Set<string>()): Set<string> {
  if (known.has(path)) return known;
  known.add(path);
  const imports = textOf({ files }, path)
    .matchAll(/(?:\bfrom|\bimport)\s*"\.(\/[\w.-]+\.js)"/g);
  for (const [, needed] of imports) neededBy(needed!, known);
  return known;
}

Deno.test("the dashboard is built whole, each file with its type", () => {
  equal(problem, undefined);
  equal(files.get("/")!.type, "text/html; charset=utf-8");
  equal(files.get("/main.js")!.type, "text/javascript; charset=utf-8");
  equal(files.get("/theme.css")!.type, "text/css; charset=utf-8");
  for (const needed of neededBy("/main.js")) ok(files.has(needed), needed);
  const page = textOf({ files }, "/");
  for (const [, path] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    ok(files.has(path!), path!);
  }
});

Deno.test("what is compressed is the same file", () => {
  for (const [path, { bytes, gzip, brotli }] of files) {
    deepEqual(new Uint8Array(gunzipSync(gzip!)), bytes, path);
    deepEqual(new Uint8Array(brotliDecompressSync(brotli!)), bytes, path);
  }
});

Deno.test("files that differ have tags that differ", () => {
  const tags = [...files.values()].map(({ etag }) => etag);
  equal(new Set(tags).size, tags.length);
  ok(tags.every((tag) => /^"[\w-]+"$/.test(tag)));
});

Deno.test("it is not built again while its sources are the same", async () => {
  const again = await loadAssets();
  deepEqual([...again.files.keys()].sort(), [...files.keys()].sort());
  equal(again.files.get("/main.js")!.etag, files.get("/main.js")!.etag);
});

Deno.test("what loads first fits into 60 KiB, and the editor comes later", () => {
  const first = [...neededBy("/main.js")];
  const size = first.reduce(
    (sum, path) => sum + files.get(path)!.gzip!.length,
    0,
  );
  ok(size < 60 * 1024, `${size} bytes of ${first.join(", ")}`);
  ok([...files.keys()].some((path) => path.startsWith("/editor-")));
});

Deno.test("nothing stands in the page that its policy would refuse", () => {
  const page = textOf({ files }, "/");
  equal(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=/i.test(page), false);
  const policy = PAGE_HEADERS["content-security-policy"]!;
  equal(policy.includes("unsafe"), false);
  ok(policy.includes("default-src 'none'"));
});

/** A copy of all that the dashboard is made from, with an `assets.ts` of its own. */
async function copySources(folder: string): Promise<void> {
  const copy = async (from: string, to: string): Promise<void> => {
    if (/\/web\/dist$/.test(from)) return;
    if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
    await Deno.mkdir(to);
    for await (const { name } of Deno.readDir(from)) {
      await copy(join(from, name), join(to, name));
    }
  };
  for (const name of ["web", "entry", "kfl", "api", "deno.json", "deno.lock"]) {
    await copy(join(root, name), join(folder, name));
  }
}

Deno.test("what cannot be built is said, and an old dashboard served until then", async () => {
  const folder = await Deno.makeTempDir({ prefix: "thresher_test_" });
  try {
    await copySources(folder);
    const path = pathToFileURL(join(folder, "web/assets.ts")).href;
    const copy: { loadAssets: typeof loadAssets } = await import(path);
    const main = join(folder, "web/main.ts");
    const sound = await Deno.readTextFile(main);
    await Deno.writeTextFile(main, `${sound}import "./absent.ts";\n`);

    const none = await copy.loadAssets();
    match(none.problem!, /absent\.ts/);
    match(textOf(none, "/"), /could not be built.*deno task web.*absent\.ts/s);

    await Deno.writeTextFile(main, sound);
    const [one, other] = await Promise.all([
      copy.loadAssets(),
      copy.loadAssets(),
    ]);
    equal(one.problem, undefined);
    deepEqual([...one.files.keys()].sort(), [...other.files.keys()].sort());

    await Deno.writeTextFile(main, `${sound}import "./absent.ts";\n`);
    const old = await copy.loadAssets();
    match(old.problem!, /an old one.*absent\.ts/s);
    equal(old.files.get("/main.js")!.etag, one.files.get("/main.js")!.etag);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
