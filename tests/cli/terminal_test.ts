/** Rows on a terminal: a pseudo-terminal that `script` opens. */
import { equal, match } from "node:assert/strict";
import { hasProgram } from "../packet/programs.ts";
import { shell, THRESHER } from "./program.ts";
import { captures, Scratch } from "./scratch.ts";
import { cutTo, padTo, widthOf } from "../../cli/width.ts";

/** What a terminal of that many columns is sent. */
async function onTerminal(
  columns: number,
  command: string,
  before = "",
): Promise<string> {
  using scratch = new Scratch(captures());
  const inner = `stty cols ${columns}; ${before} ${THRESHER} ${command}`;
  const line = `export TERM=xterm; script -qec "$LINE" /dev/null`;
  const { stdout } = await shell(
    scratch.folder,
    `LINE=${quote(inner)}; ${line}`,
  );
  return stdout.replaceAll("\r\n", "\n");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const RED = "\x1b[31m";

const ignore = !hasProgram("script");

for (const columns of [20, 60, 80, 120, 200]) {
  Deno.test({
    name: `rows fit a terminal of ${columns} columns`,
    ignore,
    async fn() {
      const shown = await onTerminal(columns, "query '' --pcap http.pcap");
      const lines = shown.trimEnd().split("\n");
      equal(lines.length, 11);
      for (const line of lines) {
        // deno-lint-ignore no-control-regex
        const width = widthOf(line.replace(/\x1b\[\d*m/g, ""));
        equal(width <= columns, true, line);
      }
      if (columns >= 60) match(shown, /GET \/1/);
    },
  });
}

Deno.test({
  name: "a failed exchange is red, unless colours are unwanted",
  ignore,
  async fn() {
    const query = "query 'status == 404' --pcap http.pcap";
    const shown = await onTerminal(0, query);
    match(shown, /GET \/7/);
    equal(shown.includes(RED), true);
    for (const setting of ["NO_COLOR=1", "TERM=dumb"]) {
      equal((await onTerminal(0, query, setting)).includes(RED), false);
    }
  },
});

Deno.test({
  name: "standard input that is a terminal is not waited for",
  ignore,
  async fn() {
    match(
      await onTerminal(80, "query '' --pcap -"),
      /^thresher: Standard input is a terminal: pipe a savefile into it/,
    );
  },
});

Deno.test("wide letters take two columns, and marks none", () => {
  equal(widthOf("abc"), 3);
  equal(widthOf("日本"), 4);
  equal(widthOf("한글"), 4);
  equal(widthOf("e\u0301"), 1);
  equal(widthOf("😀"), 2);
  equal(widthOf("ｆ"), 2);
  equal(padTo(6, "日本"), "日本  ");
  equal(cutTo(4, "日本語"), "日…");
  equal(cutTo(6, "日本語"), "日本語");
  equal(cutTo(3, "a😀b😀"), "a…");
});
