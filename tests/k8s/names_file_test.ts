/** The history of names, from one run of the hub to the next. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { loadNames, saveNames } from "../../k8s/names_file.ts";
import { NamesHistory } from "../../k8s/names_history.ts";
import { Resolver } from "../../k8s/resolver.ts";
import { Random } from "../fuzz/random.ts";
import { Churn, START } from "./churn.ts";

/** A folder for one test. */
async function inFolder(act: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await act(join(folder, "names"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A history with a past. */
function someHistory(): NamesHistory {
  const size = { nodes: 5, pods: 200, services: 20, addresses: 300 };
  const churn = new Churn(new Random(7), size);
  const resolver = new Resolver();
  for (const kind of ["nodes", "services", "slices", "pods"] as const) {
    resolver.take(kind, { kind: "listing" }, START);
    resolver.take(kind, { kind: "listed" }, START);
  }
  const take = (at: number, steps: ReturnType<Churn["begin"]>) => {
    for (const { kind, change, object } of steps) {
      resolver.take(kind, { kind: change, object }, at);
    }
  };
  take(START, churn.begin());
  for (let i = 1; i < 1000; i++) take(START + i * 1e6, churn.step(START + i));
  return resolver.history;
}

Deno.test("a history is the same after it was kept in a file", async () => {
  await inFolder(async (path) => {
    const history = someHistory();
    ok(history.size > 500);
    equal(await saveNames(path, history, START), 0);
    const saved = loadNames(path);
    equal(saved?.at, START);
    deepEqual([...saved!.history.save()], [...history.save()]);
  });
});

Deno.test("claims of one pod share their names, before and after", async () => {
  await inFolder(async (path) => {
    const history = new NamesHistory();
    const names = { pod: "web-1", labels: { app: "web" }, node: "a" };
    history.set("10.1.0.1", new Map([[0, names]]), START);
    history.set("fd00::1", new Map([[0, names]]), START);
    await saveNames(path, history, START);
    const { history: kept } = loadNames(path)!;
    const four = kept.lookup("10.1.0.1", undefined, START);
    ok(four);
    equal(kept.lookup("fd00::1", undefined, START), four);
  });
});

Deno.test("names that are damaged are nobody's, and no others in their place", async () => {
  await inFolder(async (path) => {
    const history = new NamesHistory();
    for (const n of [1, 2, 3]) {
      const names = new Map([[0, { pod: `pod-${n}`, labels: { n: `${n}` } }]]);
      history.set(`10.1.0.${n}`, names, START);
    }
    await saveNames(path, history, START);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace('{"pod":"pod-2"', '{"pod'));
    const { history: kept } = loadNames(path)!;
    const pods = [1, 2, 3].map((n) =>
      kept.lookup(`10.1.0.${n}`, undefined, START)?.pod
    );
    deepEqual(pods, ["pod-1", undefined, "pod-3"]);
  });
});

Deno.test("a file that was cut gives what it has, one of another kind nothing", async () => {
  await inFolder(async (path) => {
    const history = someHistory();
    await saveNames(path, history, START);
    const { size } = await Deno.stat(path);
    await Deno.truncate(path, size >> 1);
    const { size: kept } = loadNames(path)!.history;
    ok(kept > 100 && kept < history.size);
    for (const text of ["", "[]", '["other",1]\n', "null\n", "{", "\0\0\n"]) {
      await Deno.writeTextFile(path, text);
      equal(loadNames(path), undefined, text);
    }
    await Deno.remove(path);
    equal(loadNames(path), undefined);
  });
});

Deno.test("what changes while it is saved does no harm", async () => {
  await inFolder(async (path) => {
    const history = someHistory();
    const saving = saveNames(path, history, START);
    for (let i = 0; i < 5000; i++) {
      const address = `10.1.0.${i & 255}`;
      const names = new Map([[0, { pod: `late-${i}` }]]);
      history.set(address, names, START + 2e9 + i);
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    await saving;
    const lines = [...loadNames(path)!.history.save()]
      .filter((line) => line.startsWith("["));
    equal(new Set(lines).size, lines.length);
  });
});
