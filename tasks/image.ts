/**
 * `deno task image [--update] [--name NAME] [FOLDER]`: writes the image as
 * archives, below `build/image` unless told otherwise. No container engine is
 * needed, and the same sources give the same bytes.
 *
 * The image holds Deno (from npm), the C library it needs (from Debian), the
 * program and its dashboard. `--update` takes what Debian has now and pins it.
 */
import { parseArgs } from "node:util";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { imageName } from "../k8s/image_name.ts";
import { debianBase, type Pin } from "./image/debian.ts";
import {
  type Architecture,
  ARCHITECTURES,
  type Image,
  type Layer,
  type Start,
  toDockerArchive,
  toImage,
  toLayer,
  toOciArchive,
} from "./image/layout.ts";
import pinned from "./image/pins.json" with { type: "json" };
import { APP, program } from "./image/program.ts";
import { DENO, type DenoPin, denoProgram } from "./image/runtime.ts";
import { type Entry, toTar } from "../cli/tar.ts";

/** What an image is made of that is not in this repository. */
export interface Pins {
  readonly deno: DenoPin;
  readonly debian: Readonly<
    Record<Architecture, Readonly<Record<string, Pin>>>
  >;
}

/** Whoever starts a container without saying as whom is nobody. */
const NOBODY = 65532;

/** How the image is started; the Dockerfile says the same. */
export const START: Start = {
  // Whatever is asked of it, nothing is fetched.
  entrypoint: [
    ...[`/${DENO}`, "run", "--quiet", "-A", "--no-remote", "--no-npm"],
    `/${APP}/cli.ts`,
  ],
  user: `${NOBODY}:${NOBODY}`,
  env: {
    PATH: "/usr/bin",
    DENO_NO_UPDATE_CHECK: "1",
    // Compiled modules; all that is written outside of the data folder.
    DENO_DIR: "/tmp/deno",
    XDG_STATE_HOME: "/tmp/state",
  },
  labels: {
    "org.opencontainers.image.title": "thresher",
    "org.opencontainers.image.version": config.version,
    "org.opencontainers.image.description":
      "Shows what services say to each other",
  },
};

/** What a system has that nobody's package brings. */
const SYSTEM: Readonly<Record<string, string>> = {
  "etc/passwd":
    `root:x:0:0:root:/:/\nnobody:x:${NOBODY}:${NOBODY}:nobody:/tmp:/\n`,
  "etc/group": `root:x:0:\nnobody:x:${NOBODY}:\n`,
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
};

/**
 * Makes the image for every architecture.
 *
 * @param cache kept between runs
 * @param isUpdate takes what there is now, instead of what is pinned
 * @returns the images, and what pins them
 */
export async function makeImages(
  cache: string,
  { isUpdate = false, pins = pinned as Pins } = {},
): Promise<{ images: Image[]; pins: Pins }> {
  await Deno.mkdir(cache, { recursive: true });
  const app = await toLayer(await program(join(cache, "bundles")));
  const images: Image[] = [];
  const sha256: Partial<Record<Architecture, string>> = {};
  const debian: Partial<Record<Architecture, Record<string, Pin>>> = {};
  for (const architecture of ARCHITECTURES) {
    const base = await debianBase(architecture, {
      folder: join(cache, "debian"),
      pins: isUpdate ? undefined : pins.debian[architecture],
    });
    const runtime = await denoProgram(
      architecture,
      pins.deno,
      join(cache, "deno"),
      isUpdate,
    );
    const layers: Layer[] = [
      await toLayer([...base.entries, ...system()]),
      await toLayer(runtime.entries),
      app,
    ];
    images.push(toImage(architecture, layers, START));
    sha256[architecture] = runtime.sha256;
    debian[architecture] = base.pins;
  }
  return {
    images,
    pins: { deno: { ...pins.deno, sha256 }, debian } as Pins,
  };
}

function system(): Entry[] {
  const encoder = new TextEncoder();
  return [
    { path: "tmp", kind: "folder", mode: 0o1777 },
    ...Object.entries(SYSTEM).map(([path, text]): Entry => ({
      path,
      kind: "file",
      bytes: encoder.encode(text),
    })),
  ];
}

/**
 * Writes an archive for all architectures, and one for each.
 *
 * @returns their paths
 */
export async function writeArchives(
  images: readonly Image[],
  name: string,
  folder: string,
): Promise<string[]> {
  const file = join(folder, `thresher-${config.version}`);
  const archives: [path: string, entries: Entry[]][] = [
    [`${file}.tar`, toOciArchive(images, name)],
    ...images.map((image): [string, Entry[]] => [
      `${file}-${image.architecture}.tar`,
      toDockerArchive(image, name),
    ]),
  ];
  await Deno.mkdir(folder, { recursive: true });
  for (const [path, entries] of archives) {
    await Deno.writeFile(path, ReadableStream.from(toTar(entries)));
  }
  return archives.map(([path]) => path);
}

async function run(args: readonly string[]): Promise<void> {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { update: { type: "boolean" }, name: { type: "string" } },
    allowPositionals: true,
  });
  const name = values.name ?? imageName(config.version);
  const folder = positionals[0] ?? join(root, "build", "image");
  const { images, pins } = await makeImages(join(root, "build", "cache"), {
    isUpdate: values.update ?? false,
  });
  if (values.update) {
    const file = join(root, "tasks", "image", "pins.json");
    await Deno.writeTextFile(file, JSON.stringify(pins, null, 2) + "\n");
  }
  for (const path of await writeArchives(images, name, folder)) {
    const { size } = await Deno.stat(path);
    console.log(`${path}  ${(size / 1e6).toFixed(1)} MB`);
  }
}

if (import.meta.main) {
  try {
    await run(Deno.args);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
