/** An open hub, watched over: its page is opened, and what happens is said. */
import type { TargetsStatus } from "../../api/hub.ts";
import type { Client } from "../../k8s/client.ts";
import { ClusterError } from "../../k8s/cluster_error.ts";
import type { Tell } from "../../k8s/hub_tunnel.ts";
import { readReadiness } from "../../k8s/readiness.ts";
import { openBrowser } from "../browser.ts";
import { announce } from "../local_hub.ts";
import { say } from "../output.ts";
import { HubFailed, HubLink, toWantedPort } from "./hub_link.ts";
import { News } from "./news.ts";

/** Between two looks at the installation, ms. */
const LOOK_MS = 5000;

/** What to open, and how. */
export interface Watched {
  readonly namespace: string;
  readonly token: string;
  readonly port: number | undefined;
  readonly browser: boolean;
  readonly news?: News;
}

/**
 * Opens the way to the hub, its page, and stays until the signal says so.
 * `thresher query` on this machine asks that hub meanwhile.
 *
 * @param begun called once it is open
 * @throws CommandError
 */
export async function watchHub(
  client: Client,
  watched: Watched,
  signal: AbortSignal,
  begun: (link: HubLink) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { namespace, token, news = new News() } = watched;
  const port = toWantedPort(watched.port);
  let moves = 0; // of the hub, from one pod to another
  let restored = 0; // so many of them
  let isLost = false; // and the tunnel has said so
  const tell: Tell = (event) => {
    isLost = event.kind === "lost";
    if (event.kind === "lost") {
      say(`thresher: the hub is lost: ${event.error.message}; trying again`);
    } else if (event.kind === "found") say("thresher: the hub is back");
    else {
      moves++;
      say(`thresher: another pod is the hub now: ${event.pod}`);
    }
  };
  await using link = await HubLink.open(client, {
    namespace,
    token,
    port,
    tell,
    signal,
  });
  using _announced = announce(link.address);
  await begun(link);
  if (link.port !== port.port && port.port !== 0) {
    say(
      `thresher: port ${port.port} is taken; the dashboard is at ${link.port}`,
    );
  }
  await invite(link, watched.browser);
  let selection = (await targetsOf(link))?.selection;
  while (!await pause(LOOK_MS, signal)) {
    try {
      const workers = await link.workers();
      sayAll([...news.ofHub(undefined), ...news.ofWorkers(workers)]);
      if (restored !== moves) {
        // A hub that begins anew does not know what its forerunner was told.
        const upTo = moves;
        if (selection) await link.select(selection);
        restored = upTo;
      }
      const current = await targetsOf(link);
      if (restored === moves) selection = current?.selection ?? selection;
      if (current) sayAll(news.ofMesh(current.mesh));
    } catch (error) {
      if (!(error instanceof HubFailed)) throw error;
      if (signal.aborted) return;
      sayAll(isLost ? [] : news.ofHub(error.message));
    }
    sayAll(await lookAt(client, namespace, news));
  }
}

function sayAll(lines: readonly string[]): void {
  for (const line of lines) say(`thresher: ${line}`);
}

/** What is new in the cluster; that it cannot be asked is no end. */
async function lookAt(
  client: Client,
  namespace: string,
  news: News,
): Promise<string[]> {
  try {
    const state = await readReadiness(client, namespace);
    return [...news.ofRefusal(undefined), ...news.ofReadiness(state)];
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return error.isPassing ? [] : news.ofRefusal(error.message);
  }
}

/** What is captured now; `undefined` if the hub does not say. */
async function targetsOf(link: HubLink): Promise<TargetsStatus | undefined> {
  try {
    return await link.targets();
  } catch (error) {
    if (!(error instanceof HubFailed)) throw error;
    return undefined;
  }
}

/** Says where the dashboard is, and opens it where that can be seen. */
async function invite(link: HubLink, browser: boolean): Promise<void> {
  // Whoever reads this text later must not find the browser's own code used.
  say(`thresher: open ${await link.pageUrl()} (good once, for ten minutes)`);
  if (browser && Deno.stderr.isTerminal()) openBrowser(await link.pageUrl());
}

/** @returns whether the signal ended it */
function pause(time: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(true);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve(signal.aborted);
    };
    const timer = setTimeout(end, time);
    signal.addEventListener("abort", end);
  });
}
