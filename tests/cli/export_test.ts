/** What is exported opens in other programs, and has the packets it should. */
import { deepEqual, equal, match } from "node:assert/strict";
import { hasProgram, run } from "../packet/programs.ts";
import { thresher } from "./program.ts";
import { captures, Scratch } from "./scratch.ts";

/** Command lines of exports to `out.pcap` or `out.pcapng`, and what they write. */
const EXPORTS: readonly {
  readonly args: readonly string[];
  readonly out: string;
  readonly format: RegExp;
  /** tshark's filter that gives the same packets of the inputs. */
  readonly filter: string;
  readonly inputs: readonly string[];
}[] = [
  {
    args: ["port == 42208"],
    inputs: ["http.pcap"],
    out: "out.pcap",
    format: /^nsecpcap$/,
    filter: "tcp.port == 42208",
  },
  {
    args: ["request.path == '/7'"],
    inputs: ["http.pcap"],
    out: "out.pcapng",
    format: /pcapng$/,
    filter: "tcp.port == 42208",
  },
  {
    args: [""],
    inputs: ["ethernet.pcap", "raw.pcap"],
    out: "out.pcap",
    format: /pcapng$/,
    filter: "frame",
  },
  {
    args: ["dns"],
    inputs: ["http.pcap"],
    out: "out.pcap",
    format: /^nsecpcap$/,
    filter: "dns",
  },
];

const ignore = !hasProgram("tshark") || !hasProgram("capinfos");

for (const { args, inputs, out, format, filter } of EXPORTS) {
  Deno.test({
    name: `tshark and capinfos open the export of ${args[0]} from ${inputs}`,
    ignore,
    async fn() {
      using scratch = new Scratch(captures());
      const { code } = await thresher(scratch.folder, [
        ...["export", ...args, "--pcap", ...inputs, "-o", out],
      ]);
      equal(code, 0);
      const path = scratch.path(out);
      const kind = await run("capinfos", ["-t", "-T", "-r", "-m", path]);
      equal(kind.success, true);
      match(kind.output.split(",")[1]!.trim().replaceAll('"', ""), format);
      const expected: string[] = [];
      for (const input of inputs) {
        expected.push(...await framesOf(scratch.path(input), filter));
      }
      deepEqual(await framesOf(path, "frame"), expected);
    },
  });
}

/** Times, lengths and ends of the frames that tshark finds. */
async function framesOf(path: string, filter: string): Promise<string[]> {
  const fields = ["frame.time_epoch", "frame.len", "ip.src", "ip.dst"];
  const { output, success } = await run("tshark", [
    ...["-r", path, "-Y", filter, "-T", "fields"],
    ...fields.flatMap((field) => ["-e", field]),
  ]);
  equal(success, true);
  return output.split("\n").filter((line) => line !== "");
}

Deno.test("a data folder exports what the savefile does", async () => {
  using scratch = new Scratch(captures());
  const { folder } = scratch;
  await thresher(folder, ["import", "--pcap", "http.pcap", "--data-dir", "d"]);
  for (const filter of ["", "port == 42208", "request.path == '/7'"]) {
    for (const exact of [[], ["--exact"]]) {
      const [a, b] = await Promise.all([
        thresher(folder, [
          ...[
            "export",
            filter,
            ...exact,
            "--pcap",
            "http.pcap",
            "-o",
            "a.pcap",
          ],
        ]),
        thresher(folder, [
          ...["export", filter, ...exact, "--data-dir", "d", "-o", "b.pcap"],
        ]),
      ]);
      deepEqual(b, a);
      deepEqual(
        Deno.readFileSync(scratch.path("b.pcap")),
        Deno.readFileSync(scratch.path("a.pcap")),
      );
    }
  }
});
