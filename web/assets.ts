/**
 * Assets: the files of the dashboard as the hub serves them. Server side; the
 * page itself begins in `main.ts`.
 *
 * They are built when they are missing or older than their sources, by the
 * bundler of the Deno that runs this, and kept in `web/dist` with a stamp of
 * what they were made from. Compiled programs and images carry that folder.
 */
import { createHash } from "node:crypto";
import { extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import { namedByContent } from "./chunk_names.ts";

/** One file, ready to be sent. */
export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same for clients that accept it; absent where it saves nothing. */
  readonly gzip?: Uint8Array<ArrayBuffer>;
  readonly brotli?: Uint8Array<ArrayBuffer>;
  /** Of the header `content-type`. */
  readonly type: string;
  /** Of the header `etag`, with its quotes. */
  readonly etag: string;
}

/** The dashboard's files. */
export interface Assets {
  /** By the path of their URL; `/` is the page. */
  readonly files: ReadonlyMap<string, Asset>;
  /** Why these are old, or only say what is wrong; absent if all is well. */
  readonly problem?: string;
}

/**
 * Headers that every one of these files is sent with. Nothing may come from
 * elsewhere, and nothing inline runs.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const root = fileURLToPath(new URL("../", import.meta.url));
const dist = join(root, "web/dist");

/** Where the bundler writes; always the same, for names hang on it. */
const FRESH = ".fresh";

const STAMP = ".stamp";

/** What the dashboard is made from. */
const SOURCES = ["web", "entry", "kfl", "api", "deno.json", "deno.lock"];

/** Files that are served as they are. */
const STATIC = ["index.html", "theme.css", "icon.svg"];

/**
 * The dashboard's files; builds them first if that is needed. Never fails: if
 * they can neither be found nor built, the page says what to do.
 */
export async function loadAssets(): Promise<Assets> {
  if (await isPacked()) return { files: await readFolder(dist) };
  const stamp = await stampOfSources();
  // Also where nothing may be written, as in a container.
  if (await readStamp(dist) === stamp) return { files: await readFolder(dist) };
  const folder = await writableFolder();
  using lock = await Deno.open(join(folder, ".lock"), {
    write: true,
    create: true,
  });
  // Another process may be building the same.
  await lock.lock(true);
  if (await readStamp(folder) === stamp) {
    return { files: await readFolder(folder) };
  }
  const problem = await build(folder, stamp);
  if (problem === undefined) return { files: await readFolder(folder) };
  if (await readStamp(folder) === undefined) {
    return { files: errorPage(problem), problem };
  }
  return {
    files: await readFolder(folder),
    problem: `The dashboard is an old one. ${problem}`,
  };
}

/** Whether what was built is here alone: in a compiled program, or an image. */
async function isPacked(): Promise<boolean> {
  if (Deno.build.standalone) return true;
  try {
    await Deno.stat(join(root, "web/main.ts"));
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** `web/dist`, or where this program may not write there, a temporary one. */
async function writableFolder(): Promise<string> {
  try {
    await Deno.mkdir(dist, { recursive: true });
    await Deno.writeTextFile(join(dist, ".lock"), "");
    return dist;
  } catch (error) {
    const isRefused = error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable ||
      error instanceof Error && "code" in error && error.code === "EROFS";
    if (!isRefused) throw error;
    return await Deno.makeTempDir({ prefix: "thresher-web-" });
  }
}

/** What the files in a folder were made from; `undefined` if there are none. */
async function readStamp(folder: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(join(folder, STAMP)) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A digest of all that goes into the dashboard. */
async function stampOfSources(): Promise<string> {
  const hash = createHash("sha256").update(Deno.version.deno);
  for (const source of SOURCES) {
    for await (const path of filesIn(join(root, source))) {
      hash.update(`\0${relative(root, path)}\0`);
      hash.update(await Deno.readFile(path));
    }
  }
  return hash.digest("hex");
}

/** Files in a folder and below, in order of their names; or the file itself. */
async function* filesIn(path: string): AsyncIterable<string> {
  if (path === dist) return;
  if (!(await Deno.stat(path)).isDirectory) return yield path;
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  for (const name of names.sort()) yield* filesIn(join(path, name));
}

/** @returns why it could not be built; `undefined` if it was */
async function build(
  folder: string,
  stamp: string,
): Promise<string | undefined> {
  const fresh = join(folder, FRESH);
  await Deno.mkdir(fresh, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--config", join(root, "deno.json")],
      ...["--platform", "browser", "--minify", "--code-splitting"],
      ...["--outdir", relative(root, fresh), "web/main.ts"],
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (!success) {
    await Deno.remove(fresh, { recursive: true });
    const said = new TextDecoder().decode(stderr).trim();
    return `Cannot build the dashboard: ${said}`;
  }
  await nameByContent(fresh);
  for (const name of STATIC) {
    await Deno.copyFile(join(root, "web", name), join(fresh, name));
  }
  await compressAll(fresh);
  await replaceBy(folder, fresh);
  await Deno.writeTextFile(join(folder, STAMP), stamp);
  return undefined;
}

/** So that the same sources make the same files, wherever they are built. */
async function nameByContent(folder: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const texts = new Map<string, string>();
  for (const name of names) {
    texts.set(name, await Deno.readTextFile(join(folder, name)));
    await Deno.remove(join(folder, name));
  }
  for (const [name, text] of namedByContent(texts)) {
    await Deno.writeTextFile(join(folder, name), text);
  }
}

/** Puts the fresh files in the place of the old ones. */
async function replaceBy(folder: string, fresh: string): Promise<void> {
  // Without a stamp, files of two builds are never taken for one.
  await Deno.writeTextFile(join(folder, STAMP), "");
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.startsWith(".")) await Deno.remove(join(folder, name));
  }
  for await (const { name } of Deno.readDir(fresh)) {
    await Deno.rename(join(fresh, name), join(folder, name));
  }
  await Deno.remove(fresh);
}

const CODINGS = [
  [".gz", promisify(gzip)],
  [".br", promisify(brotliCompress)],
] as const;

/** Writes a `.gz` and a `.br` beside each file. */
async function compressAll(folder: string): Promise<void> {
  const names = await Array.fromAsync(
    Deno.readDir(folder),
    (each) => each.name,
  );
  await Promise.all(names.map(async (name) => {
    const bytes = await Deno.readFile(join(folder, name));
    for (const [ending, compress] of CODINGS) {
      const smaller = await compress(bytes);
      await Deno.writeFile(join(folder, name + ending), smaller);
    }
  }));
}

async function readFolder(folder: string): Promise<Map<string, Asset>> {
  const files = new Map<string, Asset>();
  for await (const { name } of Deno.readDir(folder)) {
    const type = TYPES[extname(name)];
    if (!type || name.startsWith(".")) continue;
    const bytes = await Deno.readFile(join(folder, name));
    const path = name === "index.html" ? "/" : `/${name}`;
    files.set(path, {
      bytes,
      gzip: await Deno.readFile(join(folder, `${name}.gz`)),
      brotli: await Deno.readFile(join(folder, `${name}.br`)),
      type,
      etag: etagOf(bytes),
    });
  }
  return files;
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash("sha256").update(bytes).digest("base64url")}"`;
}

/** What is shown where there is no dashboard. */
function errorPage(problem: string): Map<string, Asset> {
  const text = problem.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const bytes = new TextEncoder().encode(
    `<!doctype html><html lang="en"><meta charset="utf-8">` +
      `<title>Thresher</title><h1>The dashboard could not be built</h1>` +
      `<p>Its parts are downloaded once, when it is first built. Run ` +
      `<code>deno task web</code> where there is a network, then start ` +
      `Thresher again. The terminal commands work all the same.</p>` +
      `<pre>${text}</pre>`,
  );
  return new Map([
    ["/", { bytes, type: TYPES[".html"]!, etag: etagOf(bytes) }],
  ]);
}
