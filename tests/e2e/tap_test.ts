/** `tap` on one machine, as somebody meets it who starts it and watches. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Program } from "../record/program.ts";
import { lacks } from "../setup.ts";
import { waitForPlace } from "../web/browser.ts";
import { eventually, Lab } from "./lab.ts";
import { ask, lacksServices, startServices } from "./services.ts";
import { Watcher } from "./watcher.ts";

const ignore = lacksServices() || lacks("chromium", "setpriv", "tshark");

const FIXTURES = fileURLToPath(
  new URL("../../dissectors/http/fixtures/", import.meta.url),
);

/** The address that `tap` prints. */
function invited(tap: Program): Promise<string> {
  return eventually("an address to open", () => {
    if (!tap.isRunning) throw new Error(`It ended: ${tap.stderr}`);
    return /open (http:\S+)/.exec(tap.stderr)?.[1];
  });
}

/** What tshark finds in a savefile, each packet's protocols a line. */
async function tshark(lab: Lab, path: string): Promise<string[]> {
  const text = await lab.run("here", [
    ...["tshark", "-n", "-r", path, "-d", "tcp.port==8080,http"],
    ...["-T", "fields", "-e", "_ws.col.Protocol", "-e", "http.request.uri"],
  ]);
  return text.trimEnd().split("\n");
}

Deno.test({
  name: "tap captures this machine and shows it",
  ignore,
  async fn(t) {
    await using lab = await Lab.create("here", "client");
    await startServices(lab, "here");
    const packets = join(lab.folder, "packets");
    const tap = lab.thresher("here", "tap", "--data-dir", packets);
    const url = await invited(tap);
    await using watcher = await Watcher.start(lab, "here");
    const { page } = watcher;
    const { keyboard } = page;

    await t.step("the printed address opens the dashboard, once", async () => {
      await page.goto(url);
      await watcher.isTold("Live");
      equal(watcher.search.get("code"), null);
      const [code] = await refused(lab, url);
      equal(code, "401");
    });

    await t.step("rows come while servers are asked", async () => {
      // More than fit into the view.
      await ask(lab, "client", "here", 40);
      await watcher.sees("GET /carts/40");
      await watcher.sees("SET session:40");
      await watcher.sees("A orders.shop.test");
    });

    await t.step("what the dashboard itself says is not shown", async () => {
      const seen = await lab.run("here", [
        ...["curl", "-s", "-H", `Authorization: Bearer ${await token(lab)}`],
        `${new URL(url).origin}/api/v1/query?kfl=${
          encodeURIComponent("port == 8899")
        }`,
      ]);
      match(seen, /^\{"done":\{"matches":0\}/);
    });

    await t.step("a query is typed with the keyboard", async () => {
      await keyboard.press("/");
      await keyboard.type("http and response.stat", { delay: 20 });
      await page.getByRole("option", { name: /^status\b/ }).first().waitFor();
      await keyboard.press("Enter");
      await keyboard.type(" == 5xx", { delay: 20 });
      await page.getByText("is no number").first().waitFor();
      for (let i = 0; i < 2; i++) await keyboard.press("Backspace");
      await keyboard.type("00", { delay: 20 });
      await keyboard.press("Enter");
      await page.waitForURL(/q=/);
      equal(watcher.search.get("q"), "http and response.status == 500");
      await watcher.sees("GET /fail/40");
      ok((await watcher.rows()).every(({ status }) => status === "500"));
    });

    await t.step("rows that match go on coming, and only they", async () => {
      await ask(lab, "client", "here", 3, "again-");
      await watcher.sees("GET /fail/again-3");
      ok((await watcher.rows()).every(({ status }) => status === "500"));
    });

    await t.step("a row opens, and its value joins the filter", async () => {
      await keyboard.press("Escape");
      await page.locator("entry-list .row").filter({ hasText: "/fail/again-2" })
        .click();
      const detail = page.locator("entry-detail");
      await detail.getByText("again-2").first().waitFor();
      await detail.getByRole("button", { name: "/fail/again-2", exact: true })
        .first().click();
      await page.waitForURL(/again-2/);
      match(watcher.search.get("q")!, /"\/fail\/again-2"/);
      await eventually(
        "one row",
        async () => (await watcher.rows()).length === 1,
      );
    });

    await t.step("standing still loses nothing", async () => {
      await watcher.filter("redis");
      await watcher.sees("SET session:again-3");
      await keyboard.press("Escape");
      await keyboard.press("Escape");
      await keyboard.press("Space");
      await watcher.isTold("Paused");
      const before = await watcher.rows();
      await ask(lab, "client", "here", 5, "meanwhile-");
      await page.getByRole("button", { name: /new/ }).waitFor();
      deepEqual(await watcher.rows(), before);
      await keyboard.press("Space");
      await watcher.isTold("Live");
      await watcher.sees("SET session:meanwhile-5");
      const sets = (await watcher.rows()).map(({ summary }) => summary)
        .filter((summary) => summary.includes("meanwhile"));
      deepEqual(sets, [1, 2, 3, 4, 5].map((i) => `SET session:meanwhile-${i}`));
    });

    await t.step("after reloading the view is the same", async () => {
      await keyboard.press("j");
      await keyboard.press("k");
      await keyboard.press("Enter");
      await page.locator("entry-detail").waitFor();
      await waitForPlace(page);
      const [before, address] = [await watcher.rows(), page.url()];
      await ask(lab, "client", "here", 2, "unseen-");
      await page.reload();
      await page.locator("entry-list .row.open").waitFor();
      await page.locator("entry-detail").getByText("session:").first()
        .waitFor();
      // The rows around the open one come after it.
      const shown = JSON.stringify(before);
      await eventually(
        `the same rows as before: ${shown}`,
        async () => JSON.stringify(await watcher.rows()) === shown,
      );
      equal(page.url(), address);
    });

    await t.step("its packets are downloaded, and tshark agrees", async () => {
      await watcher.filter("http and request.path startsWith '/carts/again-'");
      await watcher.sees("GET /carts/again-3");
      const downloading = page.waitForEvent("download");
      await page.getByRole("button", { name: "PCAP", exact: true }).click();
      const download = await downloading;
      match(download.suggestedFilename(), /\.pcap(ng)?$/);
      const lines = await tshark(lab, await download.path());
      const uris = lines.flatMap((line) => line.split("\t")[1] || []);
      deepEqual(uris, [1, 2, 3].map((i) => `/carts/again-${i}`));
    });

    await t.step(
      "Ctrl-C ends it at once and says where packets are",
      async () => {
        watcher.checkComplaints();
        const begun = performance.now();
        Deno.kill(tap.pid, "SIGINT");
        equal(await tap.ended, 130);
        const took = performance.now() - begun;
        console.log(`tap ended ${took.toFixed(0)} ms after Ctrl-C`);
        ok(took < 5000, `It took ${took} ms`);
        ok(tap.stderr.includes(`They are kept in "${packets}"`));
        const shards = [...Deno.readDirSync(packets)].map(({ name }) => name)
          .filter((name) => name.endsWith(".pcap"));
        equal(shards.length, 1);
        const left = await tshark(lab, join(packets, shards[0]!));
        ok(left.some((line) => line.includes("/carts/again-3")));
        await page.getByText("The hub cannot be reached").waitFor();
      },
    );
  },
});

/** Status codes of asking for something without a session. */
async function refused(lab: Lab, url: string): Promise<string[]> {
  const { origin } = new URL(url);
  const status = (address: string) =>
    lab.run("here", [
      ...["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"],
      address,
    ]);
  return await Promise.all(
    [url, `${origin}/api/v1/workers`].map(status),
  );
}

/** The token of the hub that runs on `here`. */
async function token(lab: Lab): Promise<string> {
  const folder = join(lab.folder, "state", "here");
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith("-hub")) continue;
    return (await Deno.readTextFile(join(folder, name, "token"))).trim();
  }
  throw new Error(`There is no token in ${folder}`);
}

Deno.test({
  name: "without the right to capture, tap says what is missing",
  ignore,
  async fn() {
    await using lab = await Lab.create("here");
    const tap = lab.start("here", [
      ...["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"],
      ...[Deno.execPath(), "run", "-A", "--quiet"],
      fileURLToPath(new URL("../../cli.ts", import.meta.url)),
      ...["tap", "--data-dir", join(lab.folder, "packets")],
    ]);
    equal(await tap.ended, 3, tap.stderr);
    match(tap.stderr, /CAP_NET_RAW/);
    match(tap.stderr, /tap --pcap FILE/);
    equal(tap.stderr.trim().split("\n").length, 1);
  },
});

Deno.test({
  name: "tap shows savefiles, and those that are dropped on the page",
  ignore,
  async fn(t) {
    await using lab = await Lab.create("here");
    const tap = lab.thresher(
      ...["here", "tap", "--pcap", join(FIXTURES, "nginx.pcap")] as const,
    );
    const url = await invited(tap);
    await using watcher = await Watcher.start(lab, "here");
    const { page } = watcher;

    await t.step("entries of the file are there", async () => {
      await page.goto(url);
      await watcher.sees("GET ");
      match(tap.stderr, /nginx\.pcap: \d+ packets/);
    });

    await t.step("a dropped one is asked about by its name", async () => {
      const path = join(FIXTURES, "python.pcap");
      const bytes = [...await Deno.readFile(path)];
      await page.evaluate((bytes) => {
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(bytes)], "python.pcap"));
        for (const name of ["dragover", "drop"]) {
          const init = { dataTransfer: files, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent(name, init));
        }
      }, bytes);
      await page.waitForURL(/node\.name/);
      equal(watcher.search.get("q"), 'node.name == "python.pcap"');
      await eventually(
        "rows of it",
        async () => (await watcher.rows()).length > 0,
      );
    });

    await t.step("Ctrl-C leaves nothing behind", async () => {
      watcher.checkComplaints();
      Deno.kill(tap.pid, "SIGINT");
      equal(await tap.ended, 130);
      const left = [...Deno.readDirSync(lab.temporaryFolder("here"))]
        .filter(({ name }) => name.startsWith("thresher-"));
      deepEqual(left, []);
    });
  },
});
