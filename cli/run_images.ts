/** Runs `images`. */
import { createHash } from "node:crypto";
import { imageName } from "../k8s/image_name.ts";
import { readTar } from "./tar.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { print, say } from "./output.ts";
import { dockerCredentials, Registry } from "./registry.ts";
import { readFile } from "./text_file.ts";
import { VERSION } from "./version.ts";

/** What `images` was told. */
export interface ImagesOptions {
  readonly registry?: string;
  readonly push?: string;
}

/** Prints what nodes pull, or first sees to it that they can. */
export async function runImages(
  { registry, push }: ImagesOptions,
): Promise<ExitCode> {
  const image = imageName(VERSION, registry);
  if (push !== undefined) {
    if (registry === undefined) {
      throw new CommandError(
        EXIT.MISUSED,
        "--push wants to know where to: name a --registry",
      );
    }
    await pushArchive(push, image);
  }
  print(`${image}\n`);
  return EXIT.DONE;
}

/** What leads from one blob to another (OCI image-spec, descriptor.md). */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

/** An index, or one image's manifest. */
interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

/** Writes an archive's image to a registry. @throws CommandError */
async function pushArchive(path: string, image: string): Promise<void> {
  const at = image.lastIndexOf(":");
  const [name, tag] = [image.slice(0, at), image.slice(at + 1)];
  const archive = new Archive(path, await readFile(path));
  const registry = new Registry(name, await dockerCredentials(name));
  const push = async (
    { digest, mediaType }: Descriptor,
    reference: string,
  ): Promise<void> => {
    const bytes = archive.blob(digest);
    const { manifests = [], config, layers = [] } = archive.parse(bytes);
    for (const each of manifests) await push(each, each.digest);
    for (const { digest } of config ? [...layers, config] : layers) {
      const blob = archive.blob(digest);
      if (await registry.has(digest)) continue;
      if (blob.length > 1e6) {
        say(`thresher: uploads ${(blob.length / 1e6).toFixed(1)} MB`);
      }
      await registry.putBlob(digest, blob);
    }
    await registry.putManifest(reference, mediaType, bytes);
  };
  const [first] = archive.index().manifests ?? [];
  if (!first) throw archive.isNone("it names no image");
  await push(first, tag);
}

/** An OCI layout in a tar archive, as `deno task image` writes it. */
class Archive {
  readonly #path: string;
  readonly #files = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(path: string, bytes: Uint8Array<ArrayBuffer>) {
    this.#path = path;
    try {
      for (const entry of readTar(bytes)) {
        if (entry.kind !== "file") continue;
        // Views of what was given, and so of an ArrayBuffer.
        const content = entry.bytes as Uint8Array<ArrayBuffer>;
        this.#files.set(entry.path, content);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw this.isNone(error.message);
    }
  }

  index(): Manifest {
    const bytes = this.#files.get("index.json");
    if (!bytes) throw this.isNone("it has no index.json");
    return this.parse(bytes);
  }

  /** A blob that is what its digest says. @throws CommandError */
  blob(digest: string): Uint8Array<ArrayBuffer> {
    const bytes = this.#files.get(`blobs/${digest.replace(":", "/")}`);
    if (!bytes) throw this.isNone(`it lacks ${digest}`);
    const found = createHash("sha256").update(bytes).digest("hex");
    if (`sha256:${found}` === digest) return bytes;
    throw this.isNone(`what should be ${digest} is damaged`);
  }

  parse(bytes: Uint8Array): Manifest {
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw this.isNone(error.message);
    }
  }

  isNone(why: string): CommandError {
    return new CommandError(
      EXIT.FAILED,
      `"${this.#path}" is no archive of an image: ${why}`,
    );
  }
}
