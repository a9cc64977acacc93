/** Scripts for shells that are installed do what they should. */
import { deepEqual, equal, match } from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { witnesses } from "../k8s/witnesses.ts";
import { hasProgram } from "../packet/programs.ts";
import { shell, THRESHER, thresher } from "./program.ts";
import { Scratch } from "./scratch.ts";

/** What bash offers for the last of the words. */
const OFFERS: readonly (readonly [words: string, offered: string])[] = [
  ["thresher e", "export"],
  ["thresher query --or", "--order"],
  ["thresher query --order ''", "asc desc"],
  ["thresher export -o ou", "out.pcap"],
  ["thresher query --data-dir k", "kept"],
  ["thresher completion z", "zsh"],
];

Deno.test("bash completes commands, options, choices and files", async () => {
  using scratch = new Scratch({
    "out.pcap": new Uint8Array(0),
    "kept/": new Uint8Array(0),
  });
  const lines = OFFERS.map(([words]) =>
    `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _thresher; echo "\${COMPREPLY[@]}"`
  );
  const { stdout } = await shell(
    scratch.folder,
    // Only a completion that bash itself runs may set options.
    ["compopt() { :; }", 'eval "$(thresher completion bash)"', ...lines]
      .join("\n"),
  );
  deepEqual(
    stdout.trimEnd().split("\n"),
    OFFERS.map(([, offered]) => offered),
  );
});

for (const name of ["zsh", "fish"]) {
  Deno.test({
    name: `${name} reads its script`,
    ignore: !hasProgram(name),
    async fn() {
      using scratch = new Scratch();
      const line = `thresher completion ${name} | ${name} -n`;
      const { code, stderr } = await shell(scratch.folder, line);
      equal(stderr, "");
      equal(code, 0);
    },
  });
}

const kubectl = (await witnesses())?.kubectl;

Deno.test({
  name: "kubectl runs the program as its plugin, and completes it",
  ignore: kubectl === undefined,
  async fn() {
    using scratch = new Scratch();
    const { folder } = scratch;
    Deno.mkdirSync(scratch.path("bin"));
    Deno.writeTextFileSync(
      scratch.path("bin/kubectl-thresher"),
      `#!/bin/sh\nexec ${THRESHER} "$@"\n`,
      { mode: 0o755 },
    );
    const lines = [
      `export PATH="$PWD/bin:$PATH"`,
      "thresher completion kubectl > bin/kubectl_complete-thresher",
      "chmod +x bin/kubectl_complete-thresher",
      `kubectl() { '${kubectl}' "$@" 2>/dev/null; }`,
      "kubectl thresher images",
      "kubectl __complete thresher manif",
      "kubectl __complete thresher manifests --format ''",
      "kubectl __complete thresher query --or",
    ];
    const { stdout, stderr } = await shell(folder, lines.join("\n"));
    equal(stderr, "");
    deepEqual(stdout.trimEnd().split("\n"), [
      `thresher:${config.version}`,
      ...["manifests", ":4"],
      ...["yaml", "kustomize", "helm", ":4"],
      ...["--order", ":4"],
    ]);
  },
});

Deno.test("every command and option is in every script", async () => {
  using scratch = new Scratch();
  const { folder } = scratch;
  const { stdout: help } = await thresher(folder, ["query", "--help"]);
  const options = [...help.matchAll(/^ {2}.*?--([\w-]+)/gm)].map((m) => m[1]!);
  equal(options.length > 8, true);
  for (const name of ["bash", "zsh", "fish", "kubectl"]) {
    const { stdout } = await thresher(folder, ["completion", name]);
    for (const word of ["export", "config", "manifests", ...options]) {
      match(stdout, new RegExp(`\\b${RegExp.escape(word)}\\b`));
    }
  }
});
