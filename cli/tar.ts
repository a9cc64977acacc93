/**
 * Tar archives (POSIX.1-1988 ustar) that hold the same bytes whenever, and by
 * whomever, they are made: entries in order of their names, without times, and
 * all of them root's.
 */

/** One entry. Paths have neither a slash before them nor dots in them. */
export type Entry =
  & { readonly path: string }
  & (
    | { readonly kind: "folder"; readonly mode?: number }
    | { readonly kind: "link"; readonly target: string }
    | {
      readonly kind: "file";
      readonly bytes: Uint8Array;
      readonly mode?: number;
    }
  );

const BLOCK = 512;

const TYPE = { file: "0", link: "2", folder: "5" } as const;

const MODE = { file: 0o644, link: 0o777, folder: 0o755 } as const;

const encoder = new TextEncoder();

/**
 * The archive's bytes, piece by piece, so that nobody needs all of them at
 * once. Folders that entries lie in are added where they are missing.
 *
 * @throws Error if a path is too long for the format, or stands there twice
 */
export function* toTar(entries: readonly Entry[]): Iterable<Uint8Array> {
  for (const entry of inOrder(entries)) {
    const bytes = entry.kind === "file" ? entry.bytes : undefined;
    yield header(entry, bytes?.length ?? 0);
    if (!bytes) continue;
    yield bytes;
    yield new Uint8Array(-bytes.length & (BLOCK - 1));
  }
  yield new Uint8Array(2 * BLOCK);
}

function inOrder(entries: readonly Entry[]): Entry[] {
  const byPath = new Map<string, Entry>();
  for (const entry of entries) {
    if (byPath.has(entry.path)) throw new Error(`Twice: ${entry.path}`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    const parts = path.split("/").slice(0, -1);
    for (let i = 1; i <= parts.length; i++) {
      const folder = parts.slice(0, i).join("/");
      if (!byPath.has(folder)) {
        byPath.set(folder, { path: folder, kind: "folder" });
      }
    }
  }
  // Not by locale; so a folder also comes before what lies in it.
  return [...byPath.values()].sort((a, b) => a.path < b.path ? -1 : 1);
}

function header(entry: Entry, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) =>
    value.toString(8).padStart(digits, "0");
  const path = entry.kind === "folder" ? `${entry.path}/` : entry.path;
  const [prefix, name] = split(path);
  const mode = "mode" in entry && entry.mode || MODE[entry.kind];
  put(name, 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108); // user
  put(octal(0, 7), 116); // group
  put(octal(size, 11), 124);
  put(octal(0, 11), 136); // time
  put(" ".repeat(8), 148); // the checksum counts itself as spaces
  put(TYPE[entry.kind], 156);
  if (entry.kind === "link") put(fitting(entry.target, 100), 157);
  put("ustar\0" + "00", 257);
  put(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(octal(sum, 6) + "\0 ", 148);
  return block;
}

/** A path in the two fields that ustar has for it. */
function split(path: string): [prefix: string, name: string] {
  if (encoder.encode(path).length <= 100) return ["", path];
  const at = path.indexOf("/", path.length - 101);
  if (at < 0) throw new Error(`Too long for a tar archive: ${path}`);
  return [fitting(path.slice(0, at), 155), fitting(path.slice(at + 1), 100)];
}

function fitting(text: string, size: number): string {
  if (encoder.encode(text).length <= size) return text;
  throw new Error(`Too long for a tar archive: ${text}`);
}

/**
 * Reads the entries of an archive as `dpkg-deb` and {@link toTar} write them:
 * ustar, and GNU's long names.
 *
 * @param archive borrowed: the bytes of files are views of it
 */
export function* readTar(archive: Uint8Array): Iterable<Entry> {
  const decoder = new TextDecoder();
  const text = (at: number, size: number) =>
    decoder.decode(archive.subarray(at, at + size)).replace(/\0[^]*$/, "");
  let longPath: string | undefined;
  let longTarget: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    const bytes = archive.subarray(at + BLOCK, at + BLOCK + size);
    const prefix = text(at + 257, 6) === "ustar" ? text(at + 345, 155) : "";
    const short = (prefix && `${prefix}/`) + text(at, 100);
    const path = (longPath ?? short).replace(/^\.?\/|\/$/g, "");
    const target = longTarget ?? text(at + 157, 100);
    const mode = parseInt(text(at + 100, 8), 8);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const long = decoder.decode(bytes).slice(0, -1);
    if (type === "L") longPath = long;
    else if (type === "K") longTarget = long;
    else {
      longPath = longTarget = undefined;
      if (path === "" || path === ".") continue;
      if (type === "5") yield { path, kind: "folder", mode };
      else if (type === "2") yield { path, kind: "link", target };
      else if (type === "0") yield { path, kind: "file", bytes, mode };
      else throw new Error(`An entry of type "${type}": ${path}`);
    }
  }
}
