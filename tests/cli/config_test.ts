/** The configuration: what stands where, what wins, and what is refused. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readConfigFile } from "../../cli/config_file.ts";
import { BadConfigFile } from "../../cli/setting.ts";
import { type Outcome, thresher } from "./program.ts";
import { captures, Scratch } from "./scratch.ts";

/** A folder with captures and, if there is a text, a configuration file. */
function scratchWith(config?: string): Scratch {
  const scratch = new Scratch(captures());
  if (config !== undefined) {
    Deno.mkdirSync(scratch.path("config/thresher"), { recursive: true });
    Deno.writeTextFileSync(scratch.path("config/thresher/config.yaml"), config);
  }
  return scratch;
}

/** Runs the program with the folder's configuration. */
const run = (
  { folder }: Scratch,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> => thresher(folder, args, env);

const COUNT = ["query", "", "--count"];

Deno.test("a file is read to its settings with their lines", () => {
  deepEqual(
    readConfigFile(`# a comment
data-dir: "./kept"
tap:
  interface: [eth0, lo]
  browser: no

query:
`),
    [
      { key: "data-dir", line: 2, value: "./kept" },
      {
        key: "tap",
        line: 3,
        value: [
          { key: "interface", line: 4, value: ["eth0", "lo"] },
          { key: "browser", line: 5, value: "no" },
        ],
      },
      { key: "query", line: 7, value: undefined },
    ],
  );
  for (const text of ["", "\n", "# nothing\n", "---\n", "{}"]) {
    deepEqual(readConfigFile(text), []);
  }
});

Deno.test("whatever is no plain setting is refused with its line", () => {
  const bad: readonly (readonly [text: string, line: number])[] = [
    ["limit", 1],
    ["- limit", 1],
    ["a: 1\na: 2", 2],
    ["a: 1\nb: [1", 2],
    ["a:\n  b:\n    c: 1", 3],
    ["a: &x 1\nb: *x", 2],
    ["a: [[1]]", 1],
    ["a: 1\n? [b]\n: 2", 2],
    ["a: 1\n---\nb: 2", 2],
    ["a: 1\n\tb: 2", 2],
  ];
  for (const [text, line] of bad) {
    let found;
    try {
      readConfigFile(text);
    } catch (error) {
      if (!(error instanceof BadConfigFile)) throw error;
      found = error;
    }
    ok(found, text);
    ok(Math.abs(found.line - line) <= 1, `${text}: line ${found.line}`);
  }
});

Deno.test("flags win over the environment, that over the file", async () => {
  using scratch = scratchWith("query:\n  pcap: raw.pcap\n  limit: 5\n");
  const count = async (args: string[], env = {}) => {
    const { code, stdout, stderr } = await run(scratch, args, env);
    equal(code, 0, stderr);
    return Number(stdout);
  };
  equal(await count(COUNT), 1);
  equal(await count(COUNT, { THRESHER_PCAP: "http.pcap" }), 5);
  const both = { THRESHER_PCAP: "http.pcap", THRESHER_LIMIT: "7" };
  equal(await count(COUNT, both), 7);
  equal(await count([...COUNT, "--limit", "3"], both), 3);
  equal(await count([...COUNT, "--pcap", "raw.pcap"], both), 1);
  // An empty variable is none; of several values commas stand between.
  const two = { THRESHER_LIMIT: "", THRESHER_PCAP: "raw.pcap, ethernet.pcap" };
  equal(await count(COUNT, two), 2);
});

Deno.test("what is configured yields to a flag that it cannot stand beside", async () => {
  using scratch = scratchWith("data-dir: ./nowhere\n");
  const { code, stdout, stderr } = await run(scratch, [
    ...COUNT,
    ...["--pcap", "http.pcap"],
  ]);
  equal(stderr.includes("nowhere"), false);
  equal(stdout, "10\n");
  equal(code, 0);
});

Deno.test("what has to be given may be configured", async () => {
  using scratch = scratchWith("export:\n  output: out.pcap\n");
  const { code, stderr } = await run(scratch, [
    ...["export", "http", "--pcap", "http.pcap"],
  ]);
  equal(code, 0, stderr);
  ok(Deno.statSync(scratch.path("out.pcap")).size > 24);
});

/** Mistakes, and what is said of them. */
const REFUSED: readonly (readonly [config: string, said: RegExp])[] = [
  [
    "query:\n  limt: 5\n",
    /line 2 of ".*config\.yaml": there is no option `limt` of query: did you mean `limit`\?/,
  ],
  ["qery:\n  limit: 5\n", /line 1 .*no command `qery`: did you mean `query`\?/],
  [
    "dta-dir: here\n",
    /line 1 .*no option `dta-dir`: did you mean `data-dir`\?/,
  ],
  ["query:\n\n  limit: many\n", /line 3 .*`limit` cannot be "many"\. It must/],
  ["query:\n  order: up\n", /line 2 .*`order`.*Allowed choices are asc, desc/],
  ["query:\n  json: maybe\n", /line 2 .*`json` must be true or false/],
  ["query:\n  limit: [1, 2]\n", /line 2 .*`limit` takes one value/],
  ["query:\n  limit: 5\n limit", /line \d of ".*config\.yaml": /],
];

Deno.test("mistakes in the file are refused, with their place", async () => {
  await Promise.all(REFUSED.map(async ([config, said]) => {
    using scratch = scratchWith(config);
    const outcome = await run(scratch, [...COUNT, "--pcap", "http.pcap"]);
    match(outcome.stderr, said);
    equal(outcome.code, 2);
    equal(outcome.stdout, "");
    // Who asks for help, or what is wrong, gets it all the same.
    equal((await run(scratch, ["query", "--help"])).code, 0);
    equal((await run(scratch, ["version"])).code, 0);
  }));
});

Deno.test("a misspelt variable is refused, those of Kubernetes are not", async () => {
  using scratch = scratchWith();
  const args = [...COUNT, "--pcap", "http.pcap"];
  const misspelt = await run(scratch, args, { THRESHER_LIMT: "5" });
  match(misspelt.stderr, /THRESHER_LIMT.*did you mean THRESHER_LIMIT\?/);
  equal(misspelt.code, 2);
  const linked = await run(scratch, args, {
    THRESHER_HUB_SERVICE_HOST: "10.0.0.1",
    THRESHER_HUB_PORT: "tcp://10.0.0.1:80",
    THRESHER_HUB_PORT_80_TCP_ADDR: "10.0.0.1",
  });
  equal(linked.code, 0, linked.stderr);
  const bad = await run(scratch, args, { THRESHER_ORDER: "up" });
  match(bad.stderr, /THRESHER_ORDER: `order` cannot be "up"/);
});

Deno.test("a file that is named must be there", async () => {
  using scratch = scratchWith();
  const env = { THRESHER_CONFIG: scratch.path("other.yaml") };
  const missing = await run(scratch, COUNT, env);
  match(missing.stderr, /Cannot read the configuration .*: no such file/);
  equal(missing.code, 1);
  Deno.writeTextFileSync(env.THRESHER_CONFIG, "pcap: [http.pcap]\n");
  equal((await run(scratch, COUNT, env)).stdout, "10\n");
});

Deno.test("config tells each value with its source, as a file that says the same", async () => {
  using scratch = scratchWith("query:\n  limit: 5\nexport:\n  exact: true\n");
  const env = { THRESHER_ORDER: "desc" };
  const { stdout } = await run(scratch, ["config", "query"], env);
  match(stdout, /^query:\n/m);
  match(stdout, /^ {2}limit: 5 +# file, line 2$/m);
  match(stdout, /^ {2}order: desc +# environment$/m);
  match(stdout, /^ {2}json: false +# default$/m);
  const all = await run(scratch, ["config", "--json"], env);
  const values = all.stdout.trim().split("\n").map((line) => JSON.parse(line));
  deepEqual(
    values.find(({ command, option }) =>
      command === "export" && option === "exact"
    ),
    {
      command: "export",
      option: "exact",
      value: "true",
      source: "file",
      line: 4,
    },
  );
  // What is printed can be read again.
  Deno.writeTextFileSync(scratch.path("again.yaml"), stdout);
  const again = await run(scratch, ["config", "query"], {
    THRESHER_CONFIG: scratch.path("again.yaml"),
  });
  match(again.stdout, /^ {2}order: desc +# file, line \d+$/m);
});

Deno.test("config --init explains every option, and configures nothing", async () => {
  using scratch = scratchWith();
  const first = await run(scratch, ["config", "--init"]);
  equal(first.code, 0, first.stderr);
  const file = scratch.path("config/thresher/config.yaml");
  const text = Deno.readTextFileSync(file);
  equal(Deno.statSync(file).mode! & 0o777, 0o600);
  for (const { value } of readConfigFile(text)) equal(value, undefined);
  // With every option in force, each is one that there is.
  const open = text.replaceAll(/^ {2}#(?! )/gm, "  ");
  const sections = readConfigFile(open);
  ok(sections.length > 8);
  Deno.writeTextFileSync(file, open);
  const used = await run(scratch, ["query", ""]);
  match(used.stderr, /cannot be "<|takes/);
  const second = await run(scratch, ["config", "--init"]);
  match(second.stderr, /is there already, and left as it is/);
  equal(second.code, 1);
});

Deno.test("tap chooses by what it is told, not by what is configured for either", async () => {
  using scratch = scratchWith(
    "tap:\n  data-dir: ./kept\n  registry: registry.example\n",
  );
  const env = { KUBECONFIG: scratch.path("none"), HOME: scratch.folder };
  const cluster = await run(scratch, ["tap", "-n", "shop"], env);
  match(cluster.stderr, /There is no cluster to ask/);
  equal(cluster.code, 2);
  const both = await run(scratch, ["tap", "-n", "shop", "--local"], env);
  match(both.stderr, /give one/);
  const machine = await run(
    scratch,
    ["tap", "--bpf", "no filter", "--no-browser"],
    env,
  );
  equal(/cluster|give one/.test(machine.stderr), false, machine.stderr);
});
