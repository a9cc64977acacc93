/**
 * How the program ends when the world around it does: Ctrl-C, readers that go
 * away, full disks, missing rights.
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { ethernet, ipv4, text, udp } from "../packet/frames.ts";
import { pcap } from "../packet/savefiles.ts";
import { shell, start, THRESHER, thresher } from "./program.ts";
import { captures, HTTP, Scratch } from "./scratch.ts";

/** A capture that takes some seconds: many datagrams on many flows. */
function longCapture(): Uint8Array {
  const frame = ethernet(0x800, ipv4(17, udp(9999, text("hello".repeat(9)))));
  const block = pcap(Array.from({ length: 10_000 }, (_, i) => {
    const own = frame.slice();
    new DataView(own.buffer).setUint16(34, i + 1);
    return { seconds: 1, fraction: i, frame: own };
  }));
  const header = 24;
  const copies = 100;
  const size = block.length - header;
  const whole = new Uint8Array(header + copies * size);
  whole.set(block);
  for (let i = 1; i < copies; i++) {
    whole.set(block.subarray(header), header + i * size);
  }
  return whole;
}

/** Commands, and a file that shows that they are at work. */
const COMMANDS = [
  [["query", "", "--pcap", "long.pcap", "--json"], undefined],
  [
    ["export", 'protocol == "udp"', "--pcap", "long.pcap", "-o", "half.pcap"],
    "half.pcap",
  ],
  [["import", "--pcap", "long.pcap", "--data-dir", "kept"], "kept/1.pcap"],
] as const;

/** Interrupts a command in the middle. */
async function interrupted(
  scratch: Scratch,
  args: readonly string[],
  sign: string | undefined,
): Promise<number> {
  const child = start(scratch.folder, args);
  if (sign === undefined) await setTimeout(1200);
  else while (!exists(scratch.path(sign))) await setTimeout(20);
  child.kill("SIGINT");
  return (await child.status).code;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

Deno.test("Ctrl-C ends long work with 130 and leaves nothing behind", async (t) => {
  using scratch = new Scratch({ "long.pcap": longCapture() });
  for (const [args, sign] of COMMANDS) {
    await t.step(args[0], async () => {
      equal(await interrupted(scratch, args, sign), 130);
      const left = Array.from(Deno.readDirSync(scratch.folder), (f) => f.name);
      deepEqual(left.filter((name) => name !== "kept"), ["long.pcap"]);
    });
  }
  await t.step("what was imported before can be asked for", async () => {
    const line = "thresher query '' --data-dir kept --count";
    const { code, stdout } = await shell(scratch.folder, line);
    equal(code, 0);
    match(stdout, /^\d+\n$/);
  });
});

Deno.test("Ctrl-C ends a write for which nobody makes room", async () => {
  using scratch = new Scratch({ "http.pcap": Deno.readFileSync(HTTP) });
  const many = Array<string>(60).fill("http.pcap");
  const child = start(
    scratch.folder,
    ["query", "", "--json", "--pcap", ...many],
    { stdout: "piped" },
  );
  const reader = child.stdout.getReader();
  // What is said first comes; then there is no room.
  await reader.read();
  child.kill("SIGINT");
  equal((await child.status).code, 130);
  await reader.cancel();
});

Deno.test("Ctrl-C ends a read for which nobody writes", async () => {
  using scratch = new Scratch();
  const child = start(scratch.folder, ["query", "", "--pcap", "-"], {
    stdin: "piped",
  });
  await setTimeout(1500);
  child.kill("SIGINT");
  equal((await child.status).code, 130);
  await child.stdin.close();
});

interface Line {
  readonly says: string;
  readonly line: string;
  readonly stdout?: string | RegExp;
  readonly stderr?: string | RegExp;
  readonly code?: number;
}

/** Lines of shell, after which `$?` is printed where it matters. */
const LINES: readonly Line[] = [
  {
    says: "a reader that has seen enough ends it quietly",
    line:
      "thresher query '' --json --pcap $(yes http.pcap | head -40) | head -1 | cut -c1-16; echo ${PIPESTATUS[0]}",
    stdout: '{"id":"http.pcap\n0\n',
    stderr: "",
  },
  {
    says: "so does one of an export",
    line:
      "thresher export '' --pcap $(yes http.pcap | head -40) -o - | head -c 4 | od -An -tx1; echo ${PIPESTATUS[0]}",
    stdout: " 4d 3c b2 a1\n0\n",
    stderr: "",
  },
  {
    says: "output to a full disk is one line",
    line: "thresher query '' --pcap http.pcap > /dev/full",
    code: 1,
    stderr:
      "thresher: Cannot write to standard output: no space left on device\n",
  },
  {
    says: "so is help",
    line: "thresher --help > /dev/full",
    code: 1,
    stderr:
      "thresher: Cannot write to standard output: no space left on device\n",
  },
  {
    says: "warnings that nobody can read change nothing",
    line: "thresher query '' --count --pcap cut.pcap 2> /dev/full",
    stdout: /^\d+\n$/,
  },
  {
    says: "standard input is a savefile",
    line: "cat http.pcap | thresher query http --count --pcap -",
    stdout: "10\n",
  },
  {
    says: "standard input without packets is no savefile",
    line: "thresher query http --pcap - < /dev/null",
    code: 1,
    stderr: /The file is empty\n$/,
  },
  {
    says: "a filter that reads twice wants a file, and harms no other",
    line:
      "cp ethernet.pcap old.pcap; cat http.pcap | thresher export http --pcap - -o old.pcap; echo $?; cmp ethernet.pcap old.pcap",
    stdout: "2\n",
    stderr: /^thresher: This filter reads its input twice: name a file/,
  },
  {
    says: "an export that a mistake ended leaves an older file as it was",
    line:
      "cp ethernet.pcap old.pcap; thresher export '' --pcap notes.txt -o old.pcap; echo $?; cmp ethernet.pcap old.pcap",
    stdout: "1\n",
    stderr: /Neither pcap nor pcapng/,
  },
  {
    says: "an export to a full disk leaves no file",
    line:
      "ulimit -f 8; trap '' XFSZ; thresher export '' --pcap $(yes http.pcap | head -40) -o big.pcap; echo $?; ls big.pcap",
    stdout: "1\n",
    stderr: /^thresher: Cannot write to "big\.pcap": file too large\nls: /,
  },
  {
    says: "what was imported at two times is asked together",
    line:
      "thresher import --pcap http.pcap --data-dir d; thresher import --pcap raw.pcap --data-dir d; thresher query '' --count --data-dir d",
    stdout: "11\n",
    stderr:
      /^thresher: http\.pcap: \d+ packets imported\nthresher: raw\.pcap: 1 packets imported\n$/,
  },
  {
    says: "without names, import writes to the user's folder and query asks it",
    line:
      "thresher import --pcap http.pcap; thresher query http --count; ls state",
    stdout: "10\nthresher\n",
  },
  {
    says: "a second import at the same time is refused",
    line:
      "mkfifo pipe; thresher import --pcap pipe --data-dir busy & exec 3> pipe; until [ -s busy/writer.lock ]; do sleep 0.1; done; thresher import --pcap http.pcap --data-dir busy; echo $?; cat http.pcap >&3; exec 3>&-; wait",
    stdout: "1\n",
    stderr: /Cannot write to "busy": process \d+ since .* is writing to it/,
  },
];

Deno.test("pipes, disks and folders are treated as a Unix tool does", async (t) => {
  for (const { says, line, code = 0, stdout = "", stderr = /^/ } of LINES) {
    await t.step(says, async () => {
      using scratch = new Scratch(captures());
      const outcome = await shell(scratch.folder, line);
      match(outcome.stderr, toPattern(stderr));
      match(outcome.stdout, toPattern(stdout));
      equal(outcome.code, line.includes("; ") ? outcome.code : code);
    });
  }
});

/** A pattern as it is, and a text as one that means the whole of it. */
function toPattern(expected: string | RegExp): RegExp {
  return typeof expected === "string"
    ? new RegExp(`^${RegExp.escape(expected)}$`)
    : expected;
}

/** Takes from root the right to read and write what modes forbid. */
const AS_OTHERS = Deno.build.os === "linux" && Deno.uid() === 0
  ? "setpriv --bounding-set=-dac_override,-dac_read_search "
  : "";

Deno.test("what one may not read or write ends with 3", async () => {
  using scratch = new Scratch(captures());
  const { folder } = scratch;
  Deno.chmodSync(scratch.path("http.pcap"), 0o000);
  Deno.mkdirSync(scratch.path("closed"), { mode: 0o555 });
  const outcomes = [
    [
      "query '' --pcap http.pcap",
      'thresher: Cannot open "http.pcap": permission denied\n',
    ],
    [
      "export '' --pcap raw.pcap -o closed/x.pcap",
      'thresher: Cannot write "closed/x.pcap": permission denied\n',
    ],
    [
      "import --pcap raw.pcap --data-dir closed/x",
      'thresher: Cannot open "closed/x": permission denied\n',
    ],
  ] as const;
  for (const [args, message] of outcomes) {
    const { code, stderr } = await shell(
      folder,
      `${AS_OTHERS}${THRESHER} ${args}`,
    );
    equal(stderr, message);
    equal(code, 3);
  }
});

Deno.test("many files that are no savefiles are passed over in one line", async () => {
  const text = new TextEncoder().encode("no savefile");
  const files = Object.fromEntries(
    ["a", "b", "c", "d"].map((name) => [`${name}.txt`, text]),
  );
  using scratch = new Scratch({ ...captures(), ...files });
  Deno.mkdirSync(scratch.path("all"));
  for (const name of Object.keys(files)) {
    Deno.renameSync(scratch.path(name), scratch.path(`all/${name}`));
  }
  for (
    const args of [
      ["query", "", "--count"],
      ["export", "", "-o", "out.pcap"],
      ["import", "--data-dir", "data"],
    ]
  ) {
    const { stderr } = await thresher(scratch.folder, [
      ...args,
      ...["--pcap", "all", "--pcap", "raw.pcap"],
    ]);
    const told = stderr.split("\n").filter((line) => line.includes("passed"));
    deepEqual(told, [
      "thresher: passed over: 4 files; the first one: " +
      'Cannot open "all/a.txt": Neither pcap nor pcapng: ' +
      "11 bytes, beginning 6e6f2073",
    ]);
  }
});
