/**
 * What of this repository goes into an image, also by itself for a Dockerfile
 * (`deno run -A tasks/image/program.ts FOLDER`): the modules that the program
 * loads, as they are; each npm package that they import, as one file; the
 * dashboard, built; and everybody's licences.
 *
 * So nothing is resolved, fetched or built where the image runs, and what it
 * holds does not depend on where Deno keeps its packages.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { loadAssets } from "../../web/assets.ts";
import { FILES } from "../compile.ts";
import { output } from "./run.ts";
import type { Entry } from "../../cli/tar.ts";

/** Where the program is in the image. */
export const APP = "app";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What `deno info --json` says of a module graph, as far as it is read. */
interface Graph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly npmPackage?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      /** Absent where types alone are imported. */
      readonly code?: unknown;
    }[];
  }[];
  readonly npmPackages: Readonly<
    Record<string, {
      readonly name: string;
      readonly version: string;
      readonly dependencies: readonly string[];
      readonly localPath: string;
    }>
  >;
}

/** @param folder for what is made on the way */
export async function program(folder: string): Promise<Entry[]> {
  const { problem } = await loadAssets();
  if (problem !== undefined) throw new Error(problem);
  const graphs = await Promise.all(
    ["cli.ts", ...FILES].map((file) => readGraph(file)),
  );
  const packages = packagesOf(graphs);
  return [
    ...await modulesOf(graphs),
    ...await dashboard(),
    ...await bundled(packages, folder),
    toFile(`${APP}/deno.json`, JSON.stringify(configFor(packages), null, 2)),
    ...await licences([...graphs, await readGraph("web/main.ts")]),
  ];
}

async function readGraph(file: string): Promise<Graph> {
  const args = ["info", "--json", "--frozen", file];
  const text = await output(Deno.execPath(), args, { cwd: root });
  return JSON.parse(new TextDecoder().decode(text)) as Graph;
}

/** Modules of ours, and the texts that they import, as they are. */
async function modulesOf(graphs: readonly Graph[]): Promise<Entry[]> {
  const base = new URL("../../", import.meta.url).href;
  const paths = new Set<string>();
  for (const { specifier, error } of graphs.flatMap(({ modules }) => modules)) {
    if (error) throw new Error(error);
    if (specifier.startsWith(base)) paths.add(specifier.slice(base.length));
  }
  paths.delete("deno.json"); // the image has its own
  return await Promise.all(
    [...paths].map(async (path) =>
      toFile(`${APP}/${path}`, await Deno.readFile(join(root, path)))
    ),
  );
}

async function dashboard(): Promise<Entry[]> {
  const folder = "web/dist";
  const names = await Array.fromAsync(
    Deno.readDir(join(root, folder)),
    ({ name }) => name,
  );
  const built = names.filter((name) => !name.startsWith("."));
  return await Promise.all(built.map(async (name) =>
    toFile(
      `${APP}/${folder}/${name}`,
      await Deno.readFile(join(root, folder, name)),
    )
  ));
}

/** Names of npm packages that the modules import, as they import them. */
function packagesOf(graphs: readonly Graph[]): string[] {
  const imported = new Set(
    graphs.flatMap(({ modules }) => modules)
      .flatMap(({ dependencies }) => dependencies ?? [])
      .flatMap(({ specifier, code }) => code ? [specifier] : []),
  );
  return Object.keys(config.imports).filter((name) => imported.has(name))
    .sort();
}

const fileOf = (name: string): string =>
  `npm/${name.replace(/^@/, "").replaceAll("/", "-")}.js`;

/** Each package with all that it needs, as one module. */
async function bundled(
  packages: readonly string[],
  folder: string,
): Promise<Entry[]> {
  return await Promise.all(packages.map(async (name) => {
    const file = join(folder, fileOf(name));
    const entry = `${file}.ts`;
    await Deno.mkdir(dirname(entry), { recursive: true });
    // So it is found as an import finds it; nobody imports a default.
    await Deno.writeTextFile(entry, `export * from "${name}";\n`);
    await output(Deno.execPath(), [
      ...["bundle", "--quiet", "--frozen", "--config", join(root, "deno.json")],
      // Otherwise comments say where the packages lay.
      ...["--platform", "deno", "--minify", "--output", file, entry],
    ], { cwd: root });
    return toFile(`${APP}/${fileOf(name)}`, await Deno.readFile(file));
  }));
}

/** The repository's settings, with packages where the image has them. */
const configFor = (packages: readonly string[]) => ({
  version: config.version,
  unstable: config.unstable,
  imports: Object.fromEntries(
    packages.map((name) => [name, `./${fileOf(name)}`]),
  ),
});

/** The licence of each package that went into the program or the dashboard. */
async function licences(graphs: readonly Graph[]): Promise<Entry[]> {
  const entries = new Map<string, Entry>();
  for (const { modules, npmPackages } of graphs) {
    const waiting = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
    const seen = new Set<string>();
    for (let id; (id = waiting.pop()) !== undefined;) {
      const one = npmPackages[id];
      if (seen.has(id) || !one || one.name.startsWith("@types/")) continue;
      seen.add(id);
      waiting.push(...one.dependencies);
      for (const entry of await licencesIn(one)) entries.set(entry.path, entry);
    }
  }
  return [...entries.values()];
}

async function licencesIn(
  { name, version, localPath }: Graph["npmPackages"][string],
): Promise<Entry[]> {
  const folder = `usr/share/doc/thresher/licences/${name}-${version}`;
  const names = await Array.fromAsync(
    Deno.readDir(localPath),
    (file) => file.name,
  );
  const said = names.filter((file) =>
    /licen[cs]e|^copying|^notice/i.test(file)
  );
  if (said.length === 0) said.push("package.json"); // names it, if nothing else
  return await Promise.all(
    said.map(async (file) =>
      toFile(`${folder}/${file}`, await Deno.readFile(join(localPath, file)))
    ),
  );
}

const toFile = (path: string, content: Uint8Array | string): Entry => ({
  path,
  kind: "file",
  bytes: typeof content === "string"
    ? new TextEncoder().encode(content)
    : content,
});

if (import.meta.main) {
  const [folder = "."] = Deno.args;
  for (const entry of await program(await Deno.makeTempDir())) {
    if (entry.kind !== "file") continue;
    const path = join(folder, entry.path);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, entry.bytes);
  }
}
