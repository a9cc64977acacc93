/**
 * Deno itself, for both architectures: the packages in which npm's `deno`
 * brings it, fetched and checked by the Deno that runs this.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Architecture } from "./layout.ts";
import { output, Unavailable } from "./run.ts";
import type { Entry } from "../../cli/tar.ts";

/** Which Deno: the newest of which there is one for each architecture. */
export interface DenoPin {
  readonly version: string;
  readonly sha256: Readonly<Record<Architecture, string>>;
}

const PACKAGE: Readonly<Record<Architecture, string>> = {
  amd64: "@deno/linux-x64-glibc",
  arm64: "@deno/linux-arm64-glibc",
};

/** Where Deno is in the image. */
export const DENO = "usr/bin/deno";

/**
 * @param folder kept between runs
 * @param isUpdate takes the program as it comes, whatever the pin says of it
 * @throws Unavailable
 */
export async function denoProgram(
  architecture: Architecture,
  pin: DenoPin,
  folder: string,
  isUpdate: boolean,
): Promise<{ entries: Entry[]; sha256: string }> {
  const name = PACKAGE[architecture];
  const specifier = `npm:${name}@${pin.version}`;
  try {
    await output(Deno.execPath(), ["cache", "--no-config", specifier], {
      env: { DENO_DIR: folder },
    });
  } catch (cause) {
    throw new Unavailable(
      `Cannot get Deno from npm: ${(cause as Error).message}`,
      { cause },
    );
  }
  const bytes = await Deno.readFile(await find(folder, name, pin.version));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (!isUpdate && sha256 !== pin.sha256[architecture]) {
    throw new Error(`${specifier} is not what pins.json says: ${sha256}`);
  }
  const licence = new URL("deno_license.txt", import.meta.url);
  return {
    sha256,
    entries: [
      { path: DENO, kind: "file", bytes, mode: 0o755 },
      {
        path: "usr/share/doc/deno/copyright",
        kind: "file",
        bytes: await Deno.readFile(licence),
      },
    ],
  };
}

/** Deno keeps packages by the registry that it has them from. */
async function find(
  folder: string,
  name: string,
  version: string,
): Promise<string> {
  const registries = join(folder, "npm");
  for await (const { name: registry } of Deno.readDir(registries)) {
    const path = join(registries, registry, name, version, "deno");
    if (existsSync(path)) return path;
  }
  throw new Error(`No ${name} in ${registries}`);
}
