/** Command lines, and what they print and how they end. */

/** One command line. Texts are compared whole, patterns are looked for. */
export interface Case {
  readonly says: string;
  readonly args: readonly string[];
  readonly code?: number;
  readonly stdout?: string | RegExp;
  readonly stderr?: string | RegExp;
}

const q = (...args: string[]): string[] => ["query", ...args];

/** In a folder with the files of `scratch.ts`. */
export const CASES: readonly Case[] = [
  // Help and mistakes in the arguments.
  {
    says: "help lists the commands",
    args: ["--help"],
    stdout: /^Usage: thresher .*query .*export .*import .*completion/s,
  },
  {
    says: "help of a command has examples",
    args: q("--help"),
    stdout: /Examples:\n {2}thresher query 'http/,
  },
  {
    says: "without a command there is help, on standard error",
    args: [],
    code: 2,
    stderr: /^Usage: thresher/,
  },
  {
    says: "version prints name and version",
    args: ["version"],
    stdout: /^thresher \d+\.\d+\.\d+ \(Deno [\d.]+, V8 .*\)\n$/,
  },
  {
    says: "--version does, too",
    args: ["--version"],
    stdout: /^\d+\.\d+\.\d+\n$/,
  },
  {
    says: "a misspelt command is guessed",
    args: ["qery"],
    code: 2,
    stderr: /unknown command 'qery'\n\(Did you mean query\?\)/,
  },
  {
    says: "a misspelt option is guessed",
    args: q("--jsn"),
    code: 2,
    stderr: /unknown option '--jsn'.*--json.*`thresher query --help`/s,
  },
  {
    says: "a value that is none of the choices is refused",
    args: q("", "--order", "up"),
    code: 2,
    stderr: /'up' is invalid\. Allowed choices are asc, desc\./,
  },
  {
    says: "a limit is a whole number",
    args: q("", "--limit", "-1"),
    code: 2,
    stderr: /'-1' is invalid\. It must be a whole number/,
  },
  {
    says: "a day that the month lacks is refused",
    args: q("", "--from", "2026-02-30"),
    code: 2,
    stderr: /'2026-02-30' is invalid\. It must be a time such as/,
  },
  {
    says: "a window that ends before it begins is refused",
    args: q("", "--pcap", "http.pcap", "--from", "now", "--to", "1h"),
    code: 2,
    stderr: /^thresher: --from is later than --to/,
  },
  {
    says: "savefiles and a data folder are not asked at once",
    args: q("", "--pcap", "http.pcap", "--data-dir", "x"),
    code: 2,
    stderr: /cannot be used with option '--pcap/,
  },
  {
    says: "with nothing to ask it says what can be asked",
    args: q("http"),
    code: 2,
    stderr: /^thresher: There is nothing to ask: name savefiles with --pcap/,
  },
  {
    says: "an export needs an output",
    args: ["export", "", "--pcap", "http.pcap"],
    code: 2,
    stderr: /required option '-o, --output <file>' not specified/,
  },

  // Mistakes in the filter.
  {
    says: "every mistake of a filter is shown where it is",
    args: q(
      'foo == 1 and\n  request.methd == "GET" and',
      "--pcap",
      "http.pcap",
    ),
    code: 2,
    stderr:
      /error: There is no `foo`\n {2}foo == 1 and\n {2}\^\^\^\n.*did you mean `request\.method`.*the filter ends/s,
  },
  {
    says: "a filter that is too long is refused",
    args: q("a".repeat(20_000), "--pcap", "http.pcap"),
    code: 2,
    stderr: /longer than 16384 characters/,
  },

  // Files that are none.
  {
    says: "a missing file is named",
    args: q("", "--pcap", "gone.pcap"),
    code: 1,
    stderr: 'thresher: Cannot open "gone.pcap": no such file or folder\n',
  },
  {
    says: "an empty file is no savefile",
    args: q("", "--pcap", "zero.pcap"),
    code: 1,
    stderr: 'thresher: Cannot open "zero.pcap": The file is empty\n',
  },
  {
    says: "a text is no savefile",
    args: q("", "--pcap", "notes.txt"),
    code: 1,
    stderr: /^thresher: Cannot open "notes\.txt": Neither pcap nor pcapng/,
  },
  {
    says: "a file that we cannot unpack is to be unpacked first",
    args: q("", "--pcap", "packed.pcap.xz"),
    code: 1,
    stderr: /It is compressed with xz: unpack it first/,
  },
  { says: "an empty folder has no rows", args: q("", "--pcap", "empty") },
  {
    says: "what is no savefile in a folder is passed over",
    args: q("", "--pcap", "mixed", "--count"),
    stdout: "10\n",
    stderr: /^thresher: passed over: Cannot open "mixed\/b\.txt"/,
  },
  {
    says: "a data folder that is missing is named",
    args: q("", "--data-dir", "gone"),
    code: 1,
    stderr: 'thresher: Cannot open "gone": no such folder\n',
  },
  {
    says: "a folder of something else is no data folder",
    args: q("", "--data-dir", "mixed"),
    code: 1,
    stderr: /^thresher: Cannot open "mixed": no packets were ever kept in it/,
  },
  {
    says: "a file with control characters in its name is shown without them",
    args: q("", "--pcap", "\x1b[31mred\n"),
    code: 1,
    stderr: /Cannot open "\\u001b\[31mred/,
  },

  // Answers.
  {
    says: "a row has time, ends, status and summary",
    args: q("", "--pcap", "http.pcap", "--limit", "1"),
    stdout:
      /^TIME {23}PROTOCOL .* SUMMARY\n2026-11-23 13:38:05\.860928 http {6}10\.20\.0\.1:42200 {7}10\.20\.0\.2:80 {10}200 {6}21\.4 ms {4}GET \/1\n$/,
  },
  {
    says: "a filter without a match prints nothing and is no failure",
    args: q("dns", "--pcap", "http.pcap"),
  },
  {
    says: "a count heeds the limit",
    args: q("http", "--pcap", "http.pcap", "--count", "--limit", "4"),
    stdout: "4\n",
  },
  {
    says: "the newest come first if asked",
    args: q("", "--pcap", "http.pcap", "--order", "desc", "--limit", "1"),
    stdout: /GET \/10\n$/,
  },
  {
    says: "a window takes what a table shows",
    args: q(
      "",
      "--pcap",
      "http.pcap",
      "--count",
      "--from",
      "2026-11-23 13:38:05.943624",
      "--to",
      "2026-11-23T14:38:05.984068+01:00",
    ),
    stdout: "3\n",
  },
  {
    says: "a window that begins today has no old packets",
    args: q("", "--pcap", "raw.pcap", "--count", "--from", "1d"),
    stdout: "0\n",
  },
  {
    says: "the same file twice has two names, and ties in their order",
    args: q(
      "request.path == '/4'",
      "--pcap",
      "http.pcap",
      "http.pcap",
      "--json",
    ),
    stdout: /^\{"id":"http\.pcap~.*\n\{"id":"http\.pcap#2~.*\n$/,
  },
  {
    says: "several files are one answer in the order of time",
    args: q("", "--pcap", "ethernet.pcap", "raw.pcap", "--json"),
    stdout: /^\{"id":"raw\.pcap~.*\n\{"id":"ethernet\.pcap~.*\n$/,
  },
  {
    says: "an expectation that is met is content",
    args: q("dns", "--pcap", "http.pcap", "--expect", "none"),
  },
  {
    says: "an expectation that is not met ends with 5",
    args: q("http", "--pcap", "http.pcap", "--count", "--expect", "none"),
    code: 5,
    stdout: "10\n",
    stderr: "thresher: expected 0 rows, got 10\n",
  },
  {
    says: "a damaged file gives what comes before, and a warning",
    args: q("http", "--pcap", "cut.pcap", "--count"),
    stdout: /^(9|10)\n$/,
    stderr: /^thresher: cut\.pcap: damaged, a record that is cut off at byte/,
  },
  {
    says: "a partial answer ends with 5 where it must be whole",
    args: q("http", "--pcap", "cut.pcap", "--count", "--strict"),
    code: 5,
    stderr: /the answer is partial/,
  },
  {
    says: "what is redacted is in no row",
    args: q('redact("request.path")', "--pcap", "http.pcap", "--json"),
    stdout: /^(?!.*"path":"\/)/s,
  },
  {
    says: "rows have no control characters of packets",
    args: q("redis", "--pcap", "hostile.pcap"),
    stdout: /^(?:\P{Cc}|\n)*GET .*\[2J.*1m\\u202e日本 \[mid-stream\]\n$/u,
  },
  {
    says: "nor has JSON",
    args: q("redis", "--pcap", "hostile.pcap", "--json"),
    stdout: /^\P{Cc}*"key":"\\u001b\[2J\\u009b1m\\u202e日本"\P{Cc}*\n$/u,
  },

  // Exports.
  {
    says: "an export says how many packets it wrote",
    args: ["export", "port == 42208", "--pcap", "http.pcap", "-o", "one.pcap"],
    stderr: /^thresher: \d\d packets written\n$/,
  },
  {
    says: "an export onto its input is refused",
    args: ["export", "", "--pcap", "mixed", "-o", "mixed/a.pcap"],
    code: 2,
    stderr: /^thresher: "mixed\/a\.pcap" is read and cannot be written at once/,
  },
  {
    says: "an export into a missing folder is refused",
    args: ["export", "", "--pcap", "http.pcap", "-o", "gone/x.pcap"],
    code: 1,
    stderr: 'thresher: Cannot write "gone/x.pcap": no such file or directory\n',
  },
  {
    says: "link types that differ do not fit into pcap",
    args: [
      ...["export", "", "--pcap", "ethernet.pcap", "raw.pcap"],
      ...["-o", "x.pcap", "--format", "pcap"],
    ],
    code: 2,
    stderr: /link types 1 and 101 .*: ask for --format pcapng/,
  },
  {
    says: "a full disk is one line",
    args: ["export", "", "--pcap", "http.pcap", "-o", "/dev/full"],
    code: 1,
    stderr: 'thresher: Cannot write to "/dev/full": no space left on device\n',
  },

  // Imports.
  {
    says: "a storage limit that is too small is refused",
    args: ["import", "--pcap", "http.pcap", "--storage-limit", "1KB"],
    code: 1,
    stderr: /^thresher: Cannot keep packets in 1000 bytes: .* at least \d+\n$/,
  },
  {
    says: "packets are not kept among other files",
    args: ["import", "--pcap", "http.pcap", "--data-dir", "mixed"],
    code: 1,
    stderr: /it holds other files, such as "[ab]\.(pcap|txt)"\. Name an empty/,
  },
];
