/**
 * What a compiled program, or an image, carries is all that it opens: seen by
 * the kernel's own account (strace) of a program that has nothing else.
 */
import { deepEqual, match, ok } from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { FILES } from "../../tasks/compile.ts";
import { APP, program } from "../../tasks/image/program.ts";
import { eventually, Lab } from "../e2e/lab.ts";
import { HTTP } from "../cli/scratch.ts";
import { lacks } from "../setup.ts";

/** What Deno looks for beside any program, whether it is there or not. */
const LOOKED_FOR =
  /(^|\/)(deno\.jsonc?|tsconfig\.json|deno\.lock|package\.json|\.npmrc|node_modules|vendor|\.env|\.git)(\/|$)/;

/** Files below a folder that were opened, and those that were not there. */
async function opened(log: string, folder: string): Promise<{
  readonly found: Set<string>;
  readonly missing: Set<string>;
}> {
  const found = new Set<string>();
  const missing = new Set<string>();
  // Calls of several threads interrupt each other in the log.
  const begun = new Map<string, string>();
  for (const line of (await Deno.readTextFile(log)).split("\n")) {
    const [, thread = ""] = /^(\d+) /.exec(line) ?? [];
    const [, path = begun.get(thread)] =
      /open(?:at2?)?\((?:[^,"]*, )?"([^"]*)"/.exec(line) ?? [];
    if (path === undefined || !path.startsWith(`${folder}/`)) continue;
    if (line.endsWith("<unfinished ...>")) {
      begun.set(thread, path);
      continue;
    }
    begun.delete(thread);
    const name = relative(folder, path);
    if (/ = \d+$/.test(line)) found.add(name);
    else if (!LOOKED_FOR.test(name)) missing.add(name);
  }
  return { found, missing };
}

Deno.test({
  name: "the compiled program carries what it opens, threads and page included",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0 ||
    lacks("strace", "ip", "curl"),
  async fn() {
    await using lab = await Lab.create();
    await lab.addHost("node");
    // By its real path, as the kernel will name it.
    const folder = await Deno.realPath(lab.folder);
    const app = join(folder, "packed", APP);
    const carried = new Set<string>();
    for (const entry of await program(join(folder, "bundles"))) {
      if (entry.kind !== "file") continue;
      const path = join(folder, "packed", entry.path);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeFile(path, entry.bytes);
      if (path.startsWith(app)) carried.add(relative(app, path));
    }
    let runs = 0;
    const traced = (...args: string[]) => [
      ...["strace", "-f", "-qq", "-e", "trace=open,openat,openat2"],
      ...["-o", join(folder, `trace-${runs++}`), Deno.execPath()],
      ...["run", "--quiet", "-A", "--no-remote", "--no-npm"],
      ...[join(app, "cli.ts"), ...args],
    ];
    const env = { DENO_DIR: join(folder, "deno"), HOME: folder };

    const tap = lab.start(
      "node",
      traced(
        ...["tap", "--local", "-i", "lo", "--port", "8899", "--no-browser"],
        ...["--data-dir", join(folder, "data")],
      ),
      { env },
    );
    const page = await eventually("the page", async () => {
      if (!tap.isRunning) throw new Error(tap.stderr);
      const curl = lab.start("node", ["curl", "-sf", "http://127.0.0.1:8899/"]);
      return await curl.ended === 0 ? curl.stdout : undefined;
    });
    match(page, /<script type="module"/);
    // By the running hub, so that a scan thread begins.
    await eventually("packets of the page", async () => {
      const words = traced("query", "port == 8080 or http", "--count");
      return await lab.run("node", words, { env });
    });
    for (
      const args of [
        ["query", "http", "--count", "--pcap", HTTP],
        ["query", "http", "--explain", "--pcap", HTTP],
        ["import", "--pcap", HTTP, "--data-dir", join(folder, "kept")],
        ["export", "http", "--pcap", HTTP, "-o", join(folder, "out.pcap")],
        ["manifests"],
        ["manifests", "--secrets"],
        ["manifests", "--format", "helm", "-o", join(folder, "chart")],
        ["config"],
        ["completion", "bash"],
        ["version"],
      ]
    ) {
      await lab.run("node", traced(...args), { env });
    }
    await tap.stop("SIGINT");

    const found = new Set<string>();
    for (let i = 0; i < runs; i++) {
      const log = await opened(join(folder, `trace-${i}`), app);
      deepEqual([...log.missing], []);
      for (const name of log.found) found.add(name);
    }
    const files = [...found].filter((name) => carried.has(name));
    // That much was tried: every thread, the page, manifests, packages.
    for (
      const file of [...FILES, "web/dist/index.html", "k8s/manifests/hub.yaml"]
    ) {
      ok(files.includes(file), `${file} was never opened`);
    }
    ok(files.some((name) => name.startsWith("npm/")));
    ok(files.length > 200, `Only ${files.length} files were opened`);
  },
});
