/**
 * The C library that Deno is linked to, from Debian's packages.
 *
 * apt fetches them and checks Debian's signatures, with the sources that the
 * system has but package lists of our own, for both architectures; nothing is
 * installed. Their versions and digests are pinned in `pins.json`.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Architecture } from "./layout.ts";
import { output, Unavailable } from "./run.ts";
import { type Entry, readTar } from "../../cli/tar.ts";

/** What pins one package: `version` and SHA-256. */
export interface Pin {
  readonly version: string;
  readonly sha256: string;
}

/** Packages, with the files that are taken of each. */
const TAKEN: Readonly<Record<string, RegExp>> = {
  "libc6":
    /^lib(64)?\/(.*\/)?(ld-.*|lib(c|dl|m|pthread|resolv|rt)\.so\.\d|libnss_(dns|files)\.so\.\d)$|^usr\/share\/doc\/libc6\/copyright$/,
  "libgcc-s1": /^lib\/.*\/libgcc_s\.so\.1$|^usr\/share\/doc\/libgcc-s1$/,
  // Has the copyright of the one before.
  "gcc-12-base": /^usr\/share\/doc\/gcc-12-base\/copyright$/,
  // Has the texts of the licences that those name, and says what system it is.
  "base-files":
    /^(etc\/(debian_version|os-release)|usr\/lib\/os-release|usr\/share\/common-licenses\/.*|usr\/share\/doc\/base-files\/copyright)$/,
};

/** What the packages are taken from: a folder that is kept between runs. */
export interface Store {
  readonly folder: string;
  /** `undefined` takes what the system's sources have, and pins that. */
  readonly pins: Readonly<Record<string, Pin>> | undefined;
}

/** The system below the program, and what pins it. */
export interface Base {
  readonly entries: readonly Entry[];
  readonly pins: Readonly<Record<string, Pin>>;
}

/** @throws Unavailable that says what to do, if the packages cannot be had */
export async function debianBase(
  architecture: Architecture,
  { folder, pins }: Store,
): Promise<Base> {
  const entries: Entry[] = [];
  const found: Record<string, Pin> = {};
  const apt = new Apt(folder);
  for (const [name, taken] of Object.entries(TAKEN)) {
    const pin = pins?.[name];
    const file = await apt.fetch(name, architecture, pin);
    const archive = await output("dpkg-deb", ["--fsys-tarfile", file]);
    for (const entry of readTar(archive)) {
      if (entry.kind !== "folder" && taken.test(entry.path)) {
        entries.push(entry);
      }
    }
    const control = new TextDecoder().decode(
      await output("dpkg-deb", ["--field", file]),
    );
    entries.push({
      // Where programs that look for known weaknesses look.
      path: `var/lib/dpkg/status.d/${name}`,
      kind: "file",
      bytes: new TextEncoder().encode(
        control.replace(/^Package: .*\n/, "$&Status: install ok installed\n"),
      ),
    });
    found[name] = {
      version: /^Version: (.*)$/m.exec(control)![1]!,
      sha256: await digestOf(file),
    };
  }
  return { entries, pins: found };
}

/** The system's apt, with lists and archives of its own. */
class Apt {
  readonly #folder: string;
  #isUpdated = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns the path of the package's file */
  async fetch(
    name: string,
    architecture: Architecture,
    pin: Pin | undefined,
  ): Promise<string> {
    const home = join(this.#folder, architecture);
    await Deno.mkdir(home, { recursive: true });
    if (pin) {
      const kept = await this.#find(home, name, pin);
      if (kept !== undefined) return kept;
    }
    await this.#update();
    const version = pin ? `=${pin.version}` : "";
    try {
      await this.#apt(["download", `${name}:${architecture}${version}`], home);
    } catch (cause) {
      throw new Unavailable(
        `Cannot get ${name}${version} for ${architecture}. Is it no longer ` +
          "what this system's package sources have? Then `deno task image " +
          "--update` takes what they do have",
        { cause },
      );
    }
    const file = await this.#find(home, name, pin);
    if (file !== undefined) return file;
    throw new Error(`${name} is not what ${pin?.sha256} was made of`);
  }

  async #find(
    home: string,
    name: string,
    pin: Pin | undefined,
  ): Promise<string | undefined> {
    const files = await Array.fromAsync(Deno.readDir(home));
    const stats = files.filter((one) => one.name.startsWith(`${name}_`))
      .map((one) => join(home, one.name))
      .map((path) => ({ path, time: Deno.statSync(path).mtime! }))
      .sort((a, b) => b.time.getTime() - a.time.getTime());
    for (const { path } of stats) {
      if (!pin || await digestOf(path) === pin.sha256) return path;
    }
    return undefined;
  }

  async #update(): Promise<void> {
    if (this.#isUpdated) return;
    await Deno.mkdir(join(this.#folder, "lists", "partial"), {
      recursive: true,
    });
    await Deno.mkdir(join(this.#folder, "archives", "partial"), {
      recursive: true,
    });
    try {
      await this.#apt(["update"], this.#folder);
    } catch (cause) {
      throw new Unavailable(
        "Cannot learn which packages there are, for amd64 and arm64: is there " +
          `a way to Debian's archive? ${(cause as Error).message}`,
        { cause },
      );
    }
    this.#isUpdated = true;
  }

  async #apt(args: readonly string[], cwd: string): Promise<void> {
    const settings = {
      "Dir::State::lists": join(this.#folder, "lists"),
      "Dir::State::status": "/dev/null",
      "Dir::Cache": this.#folder,
      "APT::Architecture": "amd64",
      "APT::Architectures::": "arm64",
      "APT::Sandbox::User": "root", // the folder is ours alone
      "Acquire::Languages": "none",
    };
    const options = Object.entries(settings)
      .flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    await output("apt-get", ["-qq", ...options, ...args], { cwd });
  }
}

const digestOf = async (path: string): Promise<string> =>
  createHash("sha256").update(await Deno.readFile(path)).digest("hex");
