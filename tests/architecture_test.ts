/**
 * The shape of the repository: what each folder may import, and what the pure
 * ones may not touch. `docs/architecture.md` says why.
 */
import { deepEqual, ok, throws } from "node:assert/strict";
import { dirname, join, normalize, relative } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { type Module, readModule } from "./architecture/module.ts";
import { FILES } from "../tasks/compile.ts";
import config from "../deno.json" with { type: "json" };

/** What a folder may import beside itself. Folders may only look upwards. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  entry: [],
  packet: [],
  stream: ["packet"],
  dissectors: ["entry", "stream"],
  kfl: ["entry"],
  api: ["entry", "kfl"],
  net: ["kfl", "api"],
  worker: ["entry", "packet", "stream", "dissectors", "kfl", "api", "net"],
  k8s: ["entry", "api"],
  hub: ["entry", "packet", "dissectors", "kfl", "api", "net", "k8s"],
  web: ["entry", "kfl", "api"],
};

/** Those that give the same answer everywhere: no I/O, clock or randomness. */
const PURE = ["entry", "packet", "stream", "dissectors", "kfl", "api"];

/** Built-in modules that are functions of their arguments. */
const PURE_BUILTINS: Readonly<Record<string, readonly string[]>> = {
  dissectors: ["node:buffer", "node:crypto", "node:zlib"],
};

/** The rim: these may import everything, the program no {@link WORKSHOP}. */
const RIM = ["cli.ts", "cli", "tasks", "tests"];

/** What makes the program, and is no part of it. */
const WORKSHOP = ["tasks", "tests"];

/** Names of a pure folder's surroundings, or of what is in them. */
const IMPURE = new Set([
  ..."Deno console crypto fetch globalThis localStorage navigator".split(" "),
  ..."performance process self sessionStorage".split(" "),
  ..."Worker WebSocket EventSource BroadcastChannel".split(" "),
  ..."setImmediate setInterval setTimeout Temporal".split(" "),
  ..."Date Math".split(" "),
]);

/** What of those may be used all the same. */
const HARMLESS =
  /^(new Date\(…\)|Date\.(UTC|parse)|Math\.(?!random$).+|Temporal\.(?!Now$).+)$/;

const root = fileURLToPath(new URL("../", import.meta.url));

/** Everything that breaks the architecture, a line each. */
function faultsOf(modules: readonly Module[]): string[] {
  const faults = modules.flatMap((module) => [
    ...faultsOfImports(module),
    ...faultsOfGlobals(module),
  ]);
  const graph = graphOf(modules);
  for (const cycle of cyclesOf(graph)) {
    faults.push(`Modules in a circle: ${cycle.join(" -> ")}`);
  }
  for (const cycle of cyclesOf(folderGraphOf(graph))) {
    faults.push(`Folders in a circle: ${cycle.join(" -> ")}`);
  }
  return faults;
}

function faultsOfImports(module: Module): string[] {
  const { path } = module;
  const folder = folderOf(path);
  const faults: string[] = [];
  for (const { specifier, line } of module.imports) {
    const fault = (text: string) => faults.push(`${path}:${line} ${text}`);
    if (specifier === undefined) {
      if (!isTest(path)) fault("imports a name that it works out");
    } else if (specifier.startsWith(".")) {
      const target = folderOf(resolve(path, specifier));
      if (!mayImport(path, folder, target)) fault(`imports ${specifier}`);
    } else if (specifier.startsWith("node:")) {
      const allowed = !PURE.includes(folder) || isTest(path) ||
        PURE_BUILTINS[folder]?.includes(specifier);
      if (!allowed) fault(`imports ${specifier} in a pure folder`);
    } else if (!isDeclared(specifier)) {
      fault(`imports ${specifier}, which deno.json does not name`);
    }
  }
  return faults;
}

function mayImport(path: string, folder: string, target: string): boolean {
  if (folder === target || isTest(path)) return true;
  if (WORKSHOP.includes(target)) return false;
  if (RIM.includes(folder)) return true;
  return MAY_IMPORT[folder]?.includes(target) ?? false;
}

/** Whether deno.json pins the package that a bare name asks for. */
function isDeclared(specifier: string): boolean {
  return Object.keys(config.imports).some((name) =>
    specifier === name || specifier.startsWith(`${name}/`)
  );
}

function faultsOfGlobals({ path, globals }: Module): string[] {
  if (isTest(path)) return [];
  const faults: string[] = [];
  for (const { name, line } of globals) {
    const impure = PURE.includes(folderOf(path)) && !HARMLESS.test(name);
    const native = name === "Deno.dlopen" && !path.startsWith("worker/ffi/");
    if (impure || native) faults.push(`${path}:${line} uses ${name}`);
  }
  return faults;
}

/** The first part of a path: `worker` of `worker/scan/prune.ts`. */
const folderOf = (path: string): string => path.split("/")[0]!;

/** Tests, and scripts that made fixtures, are no part of the product. */
const isTest = (path: string): boolean =>
  /^(tests|tasks)\/|_(test|bench)\.ts$|\/fixtures\//.test(path);

const resolve = (from: string, specifier: string): string =>
  normalize(join(dirname(from), specifier));

/** Names, each with those that it leads to. */
type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** What a module needs to run; two may well know each other's types. */
function graphOf(modules: readonly Module[]): Graph {
  return new Map(modules.map(({ path, imports }) => [
    path,
    new Set(
      imports.flatMap(({ specifier, isErased }) =>
        specifier?.startsWith(".") && !isErased
          ? [resolve(path, specifier)]
          : []
      ),
    ),
  ]));
}

/**
 * The same between folders. A folder and one within it are not apart:
 * `dissectors/registry.ts` names the protocols that build on `dissector.ts`.
 */
function folderGraphOf(modules: Graph): Graph {
  const graph = new Map<string, Set<string>>();
  for (const [path, targets] of modules) {
    const from = dirname(path);
    if (from === "." || isTest(path)) continue;
    const reached = graph.get(from) ?? new Set();
    graph.set(from, reached);
    for (const to of [...targets].map((target) => dirname(target))) {
      const nested = `${from}/`.startsWith(`${to}/`) ||
        `${to}/`.startsWith(`${from}/`);
      if (!nested) reached.add(to);
    }
  }
  return graph;
}

/** Circles in a graph: at least one if there is any. */
function cyclesOf(graph: Graph): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): void => {
    const start = way.indexOf(name);
    if (start >= 0) cycles.push([...way.slice(start), name]);
    if (done.has(name) || start >= 0) return;
    for (const next of graph.get(name) ?? []) visit(next, [...way, name]);
    done.add(name);
  };
  for (const name of graph.keys()) visit(name, []);
  return cycles;
}

/** Every module of the repository, but for what was built from them. */
function* modulesIn(folder: string): Iterable<Module> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory && !/^(\.|build$|coverage$|node_modules$)/.test(name)) {
      yield* modulesIn(path);
    }
    if (isDirectory || !/\.[jt]sx?$/.test(name)) continue;
    yield readModule(relative(root, path), Deno.readTextFileSync(path), IMPURE);
  }
}

Deno.test("modules import only what the architecture allows", () => {
  deepEqual(faultsOf([...modulesIn(root)]), []);
});

Deno.test("every folder has its place in the architecture", () => {
  const known = [...Object.keys(MAY_IMPORT), ...RIM];
  const folders = new Set(
    [...modulesIn(root)].map(({ path }) => folderOf(path)),
  );
  deepEqual([...folders].filter((folder) => !known.includes(folder)), []);
});

Deno.test("the compiled program carries every file that it opens", () => {
  const opened = [...modulesIn(root)].filter(({ path }) => !isTest(path))
    .flatMap(({ path, files }) => files.map((file) => resolve(path, file)));
  deepEqual([...new Set(opened)].sort(), [...FILES].sort());
});

Deno.test("the architecture itself has no circle", () => {
  const graph = new Map(
    Object.entries(MAY_IMPORT).map(([name, may]) => [name, new Set(may)]),
  );
  deepEqual(cyclesOf(graph), []);
});

/** What is wrong with one module of that source. */
const faultsIn = (path: string, source: string): string[] =>
  faultsOf([readModule(path, source, IMPURE)]);

Deno.test("every way to import what is forbidden is found", () => {
  const ways = [
    'import { a } from "../worker/a.ts";',
    'import type { A } from "../worker/a.ts";',
    'import "../worker/a.ts";',
    'export * from "../worker/a.ts";',
    'export { a } from "../worker/a.ts";',
    'await import("../worker/a.ts");',
    "await import(`../worker/a.ts`);",
    'type A = import("../worker/a.ts").A;',
    'new Worker(new URL("../worker/a.ts", import.meta.url));',
    'import { readFile } from "node:fs";',
    'import lodash from "lodash";',
    'import a from "npm:chevrotain@1";',
    'import a from "https://example.com/a.ts";',
  ];
  deepEqual(ways.filter((way) => faultsIn("kfl/a.ts", way).length === 0), []);
  const [way] = faultsIn("cli/a.ts", 'import { a } from "../tasks/a.ts";');
  ok(way);
});

Deno.test("every way to touch what is impure is found", () => {
  const ways = [
    "Deno.readFile(path);",
    "const { readFile } = Deno;",
    "const surroundings = { Deno };",
    "const now = Date.now();",
    "const clock = Date.now;",
    "const { now } = Date;",
    "const text = Date();",
    "const time = new Date();",
    "const time = Temporal.Now.instant();",
    "const time = performance.now();",
    "const { random } = Math;",
    "const chance = Math.random();",
    "const id = crypto.randomUUID();",
    "setTimeout(f, 10);",
    "globalThis.fetch(url);",
    'const seconds = Math["random"]();',
    "console.log(1);",
    "const clock = (source = performance) => source;",
    "const { clock = performance } = {};",
  ];
  deepEqual(ways.filter((way) => faultsIn("kfl/a.ts", way).length === 0), []);
});

Deno.test("texts, comments and names of properties are not taken for uses", () => {
  const source = `
    // Deno.readFile, Date.now() and import "../worker/a.ts"
    const text = "Deno.readFile" + \`import "../worker/a.ts"\`;
    const pattern = /Date.now()/;
    const message = { Date: 1, performance: 2 };
    const header = message.Date + message.performance;
    interface Clock { Date: number; setTimeout(): void }
    function apply(self: number): number { return self; }
    const each = ([performance, { process = 1 }]) => performance + process;
    const parsed = new Date(0), utc = Date.UTC(2026, 1), size = Math.max(1, 2);
    function show(time: Date): string { return time.toISOString(); }
  `;
  deepEqual(faultsIn("kfl/a.ts", source), []);
});

Deno.test("native libraries are opened in worker/ffi alone", () => {
  const source = "Deno.dlopen(path, {});";
  deepEqual(faultsIn("worker/ffi/libc.ts", source), []);
  deepEqual(faultsIn("worker/capture/a.ts", source), [
    "worker/capture/a.ts:1 uses Deno.dlopen",
  ]);
});

Deno.test("modules and folders in a circle are found", () => {
  const read = (path: string, imports: string) =>
    readModule(path, `import "${imports}";`, IMPURE);
  deepEqual(
    faultsOf([read("kfl/a.ts", "./b.ts"), read("kfl/b.ts", "./a.ts")]),
    [
      "Modules in a circle: kfl/a.ts -> kfl/b.ts -> kfl/a.ts",
    ],
  );
  deepEqual(
    faultsOf([
      read("worker/scan/a.ts", "../shards/a.ts"),
      read("worker/shards/b.ts", "../scan/b.ts"),
    ]),
    ["Folders in a circle: worker/scan -> worker/shards -> worker/scan"],
  );
});

Deno.test("a module that Deno cannot show whole is refused", () => {
  throws(() => readModule("kfl/a.ts", "a(); ; Deno.exit();", IMPURE), /behind/);
});
