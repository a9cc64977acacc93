/**
 * Pods on two nodes talk to each other, and both nodes are captured: what they
 * say is shown once, whoever asks and however.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { lacks } from "../setup.ts";
import { Cluster } from "./cluster.ts";
import { eventually, type Lab } from "./lab.ts";
import { CONTROL, Nodes, type PodHost } from "./nodes.ts";
import { lacksServices, startNginx, startRedis } from "./services.ts";

const ignore = lacksServices() || lacks("nft", "openssl");

const NODES = ["node-a", "node-b"] as const;

/** A service's address, which the client's node alone knows. */
const SERVICE = "10.96.0.10";

/** Everything that was asked for. */
const TRAFFIC = 'redis or http and not request.path startsWith "/begin"';

/** Requests of each kind. */
const COUNT = 20;

/** Bytes of a body that takes many packets, put together differently by each. */
const LARGE = 400_000;

/** An entry, as the hub answers. */
interface Answered {
  readonly id: string;
  readonly protocol: string;
  readonly summary: string;
  readonly node: { readonly name: string };
  readonly seenBy?: readonly string[];
  readonly src: { readonly ip: string };
  readonly dst: { readonly ip: string; readonly serviceIp?: string };
  readonly incomplete?: readonly string[];
}

Deno.test({
  name: "what two nodes see is shown once",
  ignore,
  async fn(t) {
    await using nodes = await Nodes.create(...NODES);
    const client = await nodes.addPod("node-a");
    const server = await nodes.addPod("node-b");
    const beside = await nodes.addPod("node-a");
    await nodes.serve(SERVICE, 80, server.ip, 8080);
    for (const { host, ip } of [server, beside]) {
      await startRedis(nodes.lab, host, ip);
      const folder = `${await startNginx(nodes.lab, host)}/files`;
      await Deno.mkdir(folder);
      await Deno.writeFile(`${folder}/large`, new Uint8Array(LARGE).fill(65));
    }
    const cluster = await Cluster.on(nodes.lab, CONTROL, NODES);
    const following = await cluster.follow("http or redis");
    await eventually("both nodes that are followed", async () => {
      const begin = get(`http://${server.ip}:8080/begin`);
      await nodes.lab.run(client.host, begin);
      return rowsIn(following.stdout).some(({ seenBy }) => seenBy);
    });

    await converse(nodes.lab, client, server, beside);
    const expected = COUNT * 4 + 1;
    const all = await eventually("all of it, stored", async () => {
      const entries = await cluster.entries<Answered>(TRAFFIC);
      return entries.length >= expected ? entries : undefined;
    });

    await t.step("each exchange is there once", () => {
      const said = all.map(({ summary, dst }) => `${summary} ${dst.ip}`);
      equal(new Set(said).size, said.length, said.sort().join("\n"));
      equal(all.length, expected);
      deepEqual(all.filter(({ incomplete }) => incomplete), []);
    });

    await t.step("it says who else saw it", () => {
      for (const { summary, node, seenBy, dst } of all) {
        const others = NODES.filter((name) => name !== node.name);
        const isFar = dst.ip === server.ip;
        deepEqual(seenBy, isFar ? others : undefined, summary);
      }
    });

    await t.step("what one of the nodes alone can tell is found", async () => {
      const ofService = await cluster.entries<Answered>(
        `dst.serviceIp == ${SERVICE} and request.path startsWith "/service"`,
      );
      equal(ofService.length, COUNT);
      for (const name of NODES) {
        const kfl =
          `node.name == "${name}" and dst.ip == ${server.ip} and http`;
        const entries = await cluster.entries<Answered>(kfl);
        ok(entries.every(({ node }) => node.name === name));
        equal(entries.filter(isAsked).length, 2 * COUNT + 1);
      }
    });

    await t.step("counts, statistics and limits know it", async () => {
      const kfl = encodeURIComponent(TRAFFIC);
      const [count, stats, map, few] = await cluster.ask([
        `/api/v1/query?kfl=${kfl}&output=count`,
        `/api/v1/stats?kfl=${kfl}`,
        `/api/v1/map?kfl=${kfl}`,
        `/api/v1/query?kfl=${kfl}&limit=30&order=desc`,
      ]);
      equal(JSON.parse(count!).done.matches, expected);
      equal(JSON.parse(stats!).all.count, expected);
      const { edges } = JSON.parse(map!) as { edges: { count: number }[] };
      equal(edges.reduce((sum, { count }) => sum + count, 0), expected);
      deepEqual(
        rowsIn(few!).map(({ id }) => id),
        all.map(({ id }) => id).reverse().slice(0, 30),
      );
    });

    await t.step("each of them can be asked for by both ids", async () => {
      const entry = all.find(({ summary }) => summary === "GET /pod/1")!;
      const [other] = await cluster.entries<Answered>(
        `http and request.path == "/pod/1" and dst.ip == ${server.ip} and ` +
          `node.name == "${entry.seenBy![0]}"`,
      );
      const paths = [entry.id, other!.id].map((id) => `/api/v1/entries/${id}`);
      const [one, same] = (await cluster.ask(paths)).map((text) =>
        JSON.parse(text) as Answered
      );
      equal(one!.summary, same!.summary);
      deepEqual([one!.id, same!.id], [entry.id, other!.id]);
    });

    await t.step("datagrams and what nobody speaks are seen once", async () => {
      const pings = await eventually("the pings", async () => {
        const kfl = `icmp and ip == ${server.ip} and request.typeName == ` +
          `"echo request"`;
        const entries = await cluster.entries<Answered>(kfl);
        return entries.length >= 3 ? entries : undefined;
      });
      equal(pings.length, 3);
    });

    await t.step("who follows has seen it once", async () => {
      const rows = () => rowsIn(following.stdout).filter(isAsked);
      await eventually("what is followed", () => rows().length >= expected);
      // By now a second row of what was said before would be there.
      await nodes.lab.run(client.host, get(`http://${server.ip}:8080/last`));
      const followed = await eventually("the last of it", () => {
        const said = rows();
        return said.at(-1)!.summary === "GET /last" ? said : undefined;
      });
      const said = followed.map(({ summary, dst }) => `${summary} ${dst.ip}`);
      equal(new Set(said).size, said.length);
      equal(followed.length, expected + 1);
      await following.stop();
    });
  },
});

/** The entries of an answer in lines of JSON, without what is said behind. */
function rowsIn(answer: string): Answered[] {
  return answer.trim().split("\n").filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line)).filter(({ id }) => id !== undefined);
}

const isAsked = ({ summary }: Answered): boolean => summary !== "GET /begin";

const get = (url: string): string => `curl -sS -o /dev/null ${url}`;

/**
 * The client asks a pod of another node, by its own address and by that of its
 * service, and one beside itself.
 */
async function converse(
  lab: Lab,
  client: PodHost,
  server: PodHost,
  beside: PodHost,
): Promise<void> {
  const pod = `http://${server.ip}:8080`;
  const numbers = Array.from({ length: COUNT }, (_, i) => i + 1);
  const lines = numbers.flatMap((number) => [
    get(`${pod}/pod/${number}`),
    get(`http://${SERVICE}/service/${number}`),
    get(`http://${beside.ip}:8080/beside/${number}`),
    `redis-cli -h ${server.ip} set key:${number} ${number} >/dev/null`,
  ]);
  lines.push(get(`${pod}/files/large`), `ping -c 3 -i 0.2 ${server.ip}`);
  await lab.run(client.host, ["sh", "-e", "-c", lines.join("\n")]);
}
