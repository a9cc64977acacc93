import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { Entry } from "../../entry/entry.ts";
import {
  compileBytes,
  compileConversation,
  compileFlow,
  compileMessage,
  compileShard,
  type ConversationView,
  type FlowView,
  isConversationTest,
  NO,
  UNKNOWN,
  YES,
} from "../../kfl/evaluator.ts";
import { compilePacket } from "../../kfl/packet_filter.ts";
import type { Plan, QueryOptions } from "../../kfl/plan.ts";
import { compileQuery } from "../../kfl/query.ts";
import { ENTRIES, MORNING, NOW } from "./entries.ts";
import { schema } from "./schema.ts";

function planOf(text: string, options: Partial<QueryOptions> = {}): Plan {
  const { plan } = compileQuery(text, schema, { now: NOW, ...options });
  ok(plan, text);
  return plan;
}

const FLOW: FlowView = {
  transport: "tcp",
  ends: [{ ip: "10.0.0.1", port: 50000 }, { ip: "10.0.0.2", port: 6379 }],
  first: MORNING,
  last: MORNING + 1000,
  protocols: ["redis"],
};

Deno.test("a flow has two ends and no direction", () => {
  const judge = (text: string) => compileFlow(planOf(text))(FLOW);
  equal(judge("port == 6379"), YES);
  equal(judge("port == 80"), NO);
  equal(judge("dst.port == 6379"), UNKNOWN);
  equal(judge("dst.port == 80"), NO);
  equal(judge("dst.port != 80"), YES);
  equal(judge("src.ip == 10.0.0.1 and dst.port == 6379"), UNKNOWN);
  equal(judge("src.ip == 10.0.0.1 and dst.port == 50000"), NO);
  equal(judge("src.port > dst.port"), UNKNOWN);
  equal(judge('ip in 10.0.0.0/8 and transport == "tcp"'), YES);
  equal(judge("udp"), NO);
  equal(judge("not udp"), YES);
});

Deno.test("a protocol rules out a flow only when what it can be is known", () => {
  const judge = (text: string, protocols?: readonly string[]) =>
    compileFlow(planOf(text))({ ...FLOW, protocols });
  equal(judge("http"), UNKNOWN);
  equal(judge("http", ["redis"]), NO);
  equal(judge("http", ["redis", "grpc"]), UNKNOWN);
  equal(judge("http", ["grpc"]), YES);
  equal(judge("http2", ["grpc"]), UNKNOWN);
  equal(judge("not http", ["redis"]), YES);
  equal(judge('request.key == "a"', ["dns"]), NO);
  equal(judge('request.key != "a"', ["dns"]), YES);
  equal(judge("request.key == nil", ["dns"]), YES);
  equal(judge("request.key == nil", ["dns", "redis"]), UNKNOWN);
});

Deno.test("bytes rule out a flow by the rule of each protocol it can be", () => {
  const decide = (text: string, found: string[], protocols?: string[]) => {
    const { needles, decide } = compileBytes(planOf(text));
    const marks = needles.map((needle) => Number(found.includes(needle.text)));
    return decide(Uint8Array.from(marks), { ...FLOW, protocols });
  };
  equal(decide('request.key == "cart"', [], ["redis"]), NO);
  equal(decide('request.key == "cart"', ["cart"], ["redis"]), UNKNOWN);
  equal(decide('request.key == "cart"', []), NO);
  equal(decide('request.key != "cart"', [], ["redis"]), YES);
  // Bodies of HTTP may be coded, and then say so.
  const body = 'request.body contains "cart"';
  equal(decide(body, [], ["http"]), NO);
  equal(decide(body, ["content-encoding"], ["http"]), UNKNOWN);
  equal(decide(body, [], ["http", "websocket"]), UNKNOWN);
  equal(decide(body, []), UNKNOWN);
});

Deno.test("a shard is ruled out by its times, protocols and node", () => {
  const shard = {
    first: MORNING,
    last: MORNING + 1000,
    transports: ["tcp", "udp"],
    protocols: ["dns", "redis"],
    node: { name: "node-a" },
  } as const;
  const judge = (text: string) => compileShard(planOf(text))(shard);
  equal(judge("timestamp > now() - 1s"), NO);
  equal(judge("timestamp < now() - 1s"), YES);
  equal(judge("http"), NO);
  equal(judge("dns"), UNKNOWN);
  equal(judge("icmp"), NO);
  equal(judge("port == 53"), UNKNOWN);
  equal(judge('node.name == "node-b"'), NO);
  equal(judge('node.name == "node-a"'), YES);
});

Deno.test("a test of ends, transport, sizes and time is one of conversations", () => {
  for (
    const text of [
      "",
      "port == 80",
      "src.ip == 10.0.0.1 and not tcp",
      'dst.namespace == "shop"',
      "requestSize > 1MB or responseSize > 1MB",
      "timestamp > now() - 1m and udp",
    ]
  ) ok(isConversationTest(planOf(text)), text);
  for (
    const text of [
      "http",
      "failed",
      "port == 80 and dns",
      "elapsedTime > 1s",
      '"text"',
      "timestamp + 1s > now()",
      'protocol == "tcp"',
    ]
  ) {
    ok(!isConversationTest(planOf(text)), text);
    throws(() => compileConversation(planOf(text)), /more than a conversation/);
  }
});

Deno.test("a conversation has a client, and may lie partly in the window", () => {
  const conversation: ConversationView = {
    transport: "tcp",
    client: { ip: "10.0.0.1", port: 50000 },
    server: { ip: "10.0.0.2", port: 80 },
    first: MORNING,
    last: MORNING + 10_000_000,
    requestSize: 100,
    responseSize: 5000,
  };
  const matches = (text: string, options = {}) =>
    compileConversation(planOf(text, options))(conversation);
  equal(matches("src.ip == 10.0.0.1 and dst.port == 80"), true);
  equal(matches("src.port == 80"), false);
  equal(matches("responseSize > 1KB and requestSize < 1KB"), true);
  equal(matches("", { from: MORNING + 5_000_000 }), true);
  equal(matches("", { to: MORNING + 5_000_000 }), true);
  equal(matches("", { from: MORNING + 10_000_001 }), false);
  equal(matches("not timestamp > now() - 5s"), true);
  equal(matches("udp or timestamp > now()"), false);
});

Deno.test("packets are judged only where their headers decide something", () => {
  ok(compilePacket(planOf("port == 80")));
  ok(compilePacket(planOf("http and dst.ip in 10.0.0.0/8")));
  equal(compilePacket(planOf("http and failed")), undefined);
  ok(compilePacket(planOf("port == 80 or failed and not tcp")));
  equal(compilePacket(planOf('ip startsWith "10."')), undefined);
});

Deno.test("what is given beside the filter is part of the plan", () => {
  const plan = planOf("http and limit(20)", {
    from: MORNING,
    to: MORNING + 500,
    order: "desc",
    limit: 10,
    follow: true,
    bodies: false,
    projection: ["request.path"],
  });
  deepEqual(plan.window, { from: MORNING, to: MORNING + 500 });
  equal(plan.order, "desc");
  equal(plan.limit, 10);
  equal(plan.follow, true);
  equal(plan.wantsBodies, false);
  deepEqual(plan.projection, ["request.path"]);
});

Deno.test("bodies are wanted by whoever looks at one", () => {
  const wants = (text: string) => planOf(text, { bodies: false }).wantsBodies;
  equal(wants('request.path == "/"'), false);
  equal(wants("request.bodySize > 5"), false);
  equal(wants('request.body contains "a"'), true);
  equal(wants("response.body.json().a == 1"), true);
  equal(wants("request.messages[0].size > 1"), false);
  equal(wants("request.messages[0].body == nil"), true);
  equal(wants("request.messages.exists(m, m.size > 1)"), true);
  equal(wants("request.messages.exists(m, exists(m.body))"), true);
  equal(wants("request..body == nil"), true);
  equal(wants('"text"'), true);
});

Deno.test("the filter is interpreted where code may not be generated", async () => {
  const script = `
    import { compileQuery } from "./kfl/query.ts";
    import { compileMessage } from "./kfl/evaluator.ts";
    import { compilePacket } from "./kfl/packet_filter.ts";
    import { ENTRIES, NOW } from "./tests/kfl/entries.ts";
    import { schema } from "./tests/kfl/schema.ts";
    const { plan } = compileQuery("port == 53 and failed", schema, { now: NOW });
    const matches = compileMessage(plan);
    console.log(Object.keys(ENTRIES).filter((name) => matches(ENTRIES[name])));
    console.log(compilePacket(plan));
  `;
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--v8-flags=--disallow-code-generation-from-strings",
      script,
    ],
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  ok(success, new TextDecoder().decode(stderr));
  equal(new TextDecoder().decode(stdout), '[ "lookup" ]\nundefined\n');
});

Deno.test("fields are read by their names, wherever the value keeps them", () => {
  // Getters of a class, as a parser gives what is worked out when asked.
  class Request {
    reads = 0;
    get key(): string {
      this.reads++;
      return "cart";
    }
  }
  const request = new Request();
  const entry: Entry = { ...ENTRIES.session!, request };
  equal(compileMessage(planOf('request.key == "cart"'))(entry), true);
  equal(request.reads, 1);
  // What nobody declared is not there, whatever the object has.
  const other = { ...entry, protocol: "dns" };
  equal(compileMessage(planOf('request.key == "cart"'))(other), false);
  ok(compileQuery("request.reads == 1", schema, { now: NOW }).diagnostics);
});
