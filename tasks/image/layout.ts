/**
 * Images as archives that every container engine takes: the layout of the OCI
 * (image-spec 1.1, image-layout.md), and beside it in the same file what
 * `docker save` writes, where there is but one architecture to choose from.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Entry, toTar } from "../../cli/tar.ts";

/** Architectures, as images name them. */
export const ARCHITECTURES = ["amd64", "arm64"] as const;

export type Architecture = typeof ARCHITECTURES[number];

/** How a container of the image is started, unless somebody says otherwise. */
export interface Start {
  readonly entrypoint: readonly string[];
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Bytes, and what they are known by. */
interface Content {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly mediaType: string;
}

/** A layer: a tar archive that lies over those before it. */
export interface Layer extends Content {
  /** Of the archive before it was compressed. */
  readonly diffId: string;
}

/** The image for one architecture. */
export interface Image {
  readonly architecture: Architecture;
  readonly layers: readonly Layer[];
  readonly config: Content;
  readonly manifest: Content;
}

const TYPE = {
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  config: "application/vnd.oci.image.config.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
} as const;

/** A layer of these entries. */
export async function toLayer(entries: readonly Entry[]): Promise<Layer> {
  const tar = await new Blob([...toTar(entries)] as BlobPart[]).bytes();
  // Its header has neither a name nor a time, and so is always the same.
  const bytes = await promisify(gzip)(tar, { level: 6 });
  return { ...toContent(bytes, TYPE.layer), diffId: digestOf(tar) };
}

/** An image of these layers, the lowest first. */
export function toImage(
  architecture: Architecture,
  layers: readonly Layer[],
  start: Start,
): Image {
  const config = toJson(TYPE.config, {
    created: "1970-01-01T00:00:00Z",
    architecture,
    os: "linux",
    config: {
      User: start.user,
      Env: Object.entries(start.env).map(([name, value]) => `${name}=${value}`),
      Entrypoint: start.entrypoint,
      WorkingDir: "/",
      Labels: start.labels,
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: "deno task image" })),
  });
  const manifest = toJson(TYPE.manifest, {
    schemaVersion: 2,
    mediaType: TYPE.manifest,
    config: toDescriptor(config),
    layers: layers.map(toDescriptor),
    annotations: start.labels,
  });
  return { architecture, layers, config, manifest };
}

/**
 * An archive of one image for several architectures, as containerd, kind,
 * podman and skopeo take it.
 *
 * @param name with its tag, such as `thresher:0.1.0`
 */
export function toOciArchive(images: readonly Image[], name: string): Entry[] {
  const index = toJson(TYPE.index, {
    schemaVersion: 2,
    mediaType: TYPE.index,
    manifests: images.map(toPlatform),
  });
  return toEntries([index, ...images.flatMap(contentsOf)], {
    "index.json": {
      schemaVersion: 2,
      mediaType: TYPE.index,
      manifests: [{ ...toDescriptor(index), annotations: annotate(name) }],
    },
  });
}

/** An archive of one image for one architecture, as `docker load` takes it. */
export function toDockerArchive(image: Image, name: string): Entry[] {
  return toEntries(contentsOf(image), {
    "index.json": {
      schemaVersion: 2,
      mediaType: TYPE.index,
      manifests: [{ ...toPlatform(image), annotations: annotate(name) }],
    },
    "manifest.json": [{
      Config: pathOf(image.config),
      RepoTags: [name],
      Layers: image.layers.map(pathOf),
    }],
  });
}

const contentsOf = ({ layers, config, manifest }: Image): Content[] => [
  ...layers,
  config,
  manifest,
];

function toEntries(
  blobs: readonly Content[],
  documents: Readonly<Record<string, unknown>>,
): Entry[] {
  const all = { "oci-layout": { imageLayoutVersion: "1.0.0" }, ...documents };
  // Images may share a layer, which then is there once.
  const byPath = new Map(blobs.map((blob) => [pathOf(blob), blob.bytes]));
  for (const [path, document] of Object.entries(all)) {
    byPath.set(path, encode(document));
  }
  return [...byPath].map(([path, bytes]) => ({ path, kind: "file", bytes }));
}

const pathOf = ({ digest }: Content): string =>
  `blobs/${digest.replace(":", "/")}`;

const toDescriptor = ({ mediaType, digest, bytes }: Content) => ({
  mediaType,
  digest,
  size: bytes.length,
});

const toPlatform = ({ manifest, architecture }: Image) => ({
  ...toDescriptor(manifest),
  platform: { architecture, os: "linux" },
});

/** What an archive's image is called, for each of those who read it. */
function annotate(name: string): Record<string, string> {
  const tag = /:([\w.-]+)$/.exec(name)?.[1];
  return {
    "io.containerd.image.name": toFullName(name),
    ...(tag !== undefined && { "org.opencontainers.image.ref.name": tag }),
  };
}

/** A name as containerd has it, which knows no usual registry. */
export function toFullName(name: string): string {
  const [first = "", ...rest] = name.split("/");
  if (rest.length === 0) return `docker.io/library/${name}`;
  const isHost = /[.:]/.test(first) || first === "localhost";
  return isHost ? name : `docker.io/${name}`;
}

const toContent = (bytes: Uint8Array, mediaType: string): Content => ({
  bytes,
  digest: digestOf(bytes),
  mediaType,
});

const toJson = (mediaType: string, value: unknown): Content =>
  toContent(encode(value), mediaType);

const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(value));

const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
