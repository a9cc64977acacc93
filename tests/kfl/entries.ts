/** A morning in a shop: entries that the cases ask for by the names here. */
import type { End, Entry } from "../../entry/entry.ts";

/** When they were captured; `now()` is when the last one came. */
export const MORNING = Date.UTC(2026, 10, 23, 10, 13) * 1000;
export const NOW = MORNING + 13_000_000;

const web: End = {
  ip: "10.1.0.7",
  port: 51234,
  name: "web.shop",
  pod: "web-1",
  namespace: "shop",
  service: "web",
  labels: { app: "web" },
};
const carts: End = {
  ip: "10.1.0.9",
  port: 80,
  name: "carts.shop",
  pod: "carts-0",
  namespace: "shop",
  service: "carts",
};
const outside: End = { ip: "2001:db8::7", port: 443 };
const resolver: End = { ip: "10.96.0.10", port: 53, namespace: "kube-system" };
const cache: End = { ip: "10.1.0.30", port: 6379, namespace: "shop" };

let count = 0;

/** An entry with what all have, a second after the one before it. */
function entry(
  protocol: string,
  summary: string,
  rest: Partial<Entry>,
): Entry {
  const timestamp = MORNING + count * 1_000_000;
  return {
    id: `node-a~0~${count++}~0`,
    protocol,
    transport: "tcp",
    decrypted: false,
    timestamp,
    completed: timestamp + 50_000,
    node: { name: "node-a", ip: "10.0.0.5" },
    src: web,
    dst: carts,
    summary,
    failed: false,
    ...rest,
  };
}

export const ENTRIES: { readonly [name: string]: Entry } = {
  cart: entry("http", "GET /api/cart", {
    version: "1.1",
    elapsed: 12_345,
    status: 200,
    requestSize: 312,
    responseSize: 1045,
    request: {
      method: "GET",
      path: "/api/cart",
      target: "/api/cart?id=7&id=8",
      pathSegments: ["api", "cart"],
      queryString: { id: ["7", "8"] },
      host: "carts",
      headers: { host: "carts", accept: ["text/html", "*/*"] },
      cookies: { session: "sesam" },
    },
    response: {
      status: 200,
      headers: { "content-type": "application/json" },
      body: '{"items": [{"name": "shoe", "price": 17}, {"name": "hat"}]}',
      bodySize: 59,
    },
  }),
  order: entry("http", "POST /api/order", {
    version: "1.1",
    elapsed: 5_200_000,
    status: 500,
    failed: true,
    requestSize: 20_480,
    request: {
      method: "POST",
      path: "/api/order",
      headers: {
        host: "orders",
        "content-type": "text/xml",
        authorization: "Basic c2VzYW06b3BlbmU=",
      },
      body: "<order id='1'><item>shoe</item><item>hat</item></order>",
    },
    response: {
      status: 500,
      statusText: "Internal Server Error",
      body: '{"error": {"code": 17}}',
    },
  }),
  http2: entry("http", "GET /", {
    version: "2",
    elapsed: 900,
    status: 304,
    src: outside,
    request: {
      method: "GET",
      path: "/",
      headers: { ":path": "/", ":authority": "shop" },
    },
    response: { status: 304 },
  }),
  graphql: entry("graphql", "query Cart", {
    version: "1.1",
    status: 200,
    request: { method: "POST", path: "/graphql", operationName: "Cart" },
    response: { status: 200, errors: [{ message: "no such cart" }] },
    failed: true,
  }),
  call: entry("grpc", "shop.Cart/Add", {
    version: "2",
    status: 5,
    failed: true,
    request: {
      method: "POST",
      path: "/shop.Cart/Add",
      service: "shop.Cart",
      grpcMethod: "Add",
      timeout: 1500,
      messages: [{ size: 8, compressed: false, body: "\n\x04shoe\x10\x03" }],
    },
    response: { status: 200, grpcStatus: 5 },
  }),
  lookup: entry("dns", "A nowhere.example", {
    transport: "udp",
    dst: resolver,
    elapsed: 700,
    status: "NXDOMAIN",
    failed: true,
    request: {
      id: 17,
      recursionDesired: true,
      questions: [{ name: "nowhere.example", type: "A" }],
    },
    response: { id: 17, code: "NXDOMAIN" },
  }),
  names: entry("dns", "A carts.shop", {
    transport: "udp",
    dst: resolver,
    elapsed: 300,
    status: "NOERROR",
    request: {
      id: 18,
      recursionDesired: false,
      questions: [{ name: "carts.shop", type: "A" }],
    },
    response: {
      id: 18,
      code: "NOERROR",
      answers: [
        { name: "carts.shop", type: "CNAME", ttl: 30, data: "carts-0.shop" },
        { name: "carts-0.shop", type: "A", ttl: 5, data: "10.1.0.9" },
      ],
    },
  }),
  session: entry("redis", "GET session:1", {
    dst: cache,
    elapsed: 150,
    status: "OK",
    request: { command: "GET", args: ["session:1"], key: "session:1" },
    response: { type: "bulk", value: '{"user": "ann"}' },
  }),
  binary: entry("redis", "SET photo", {
    dst: cache,
    status: "OK",
    request: {
      command: "SET",
      key: "photo",
      value: { base64: "/9j/c2hvZQ==" }, // FF D8 FF "shoe"
    },
    response: { type: "string", value: "OK" },
  }),
  wrong: entry("redis", "INCR session:1", {
    dst: cache,
    status: "ERR",
    failed: true,
    request: { command: "INCR", args: ["session:1"], key: "session:1" },
    response: { type: "error", error: "ERR value is not an integer" },
  }),
  hello: entry("tls", "shop.example 1.3", {
    version: "1.3",
    src: outside,
    dst: { ...carts, port: 443 },
    status: "ok",
    request: {
      serverName: "shop.example",
      alpn: ["h2", "http/1.1"],
      cipherSuites: ["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_RC4_128_SHA"],
    },
    response: { cipherSuite: "TLS_AES_128_GCM_SHA256" },
  }),
  produce: entry("kafka", "Produce orders", {
    version: "9",
    request: {
      apiKey: 0,
      apiKeyName: "Produce",
      topics: ["orders", "audit"],
      payload: { topicData: [{ topic: "orders" }] },
      records: [{
        topic: "orders",
        timestamp: "2026-11-23T10:12:59.500000Z",
        key: "7",
        value: "shoe",
      }],
    },
  }),
  refused: entry("tcp", "refused", {
    dst: { ip: "10.1.0.99", port: 8080 },
    status: "refused",
    failed: true,
    request: { packets: 1, bytes: 0, gaps: 0 },
    response: { packets: 1, bytes: 0, handshake: "refused", reset: true },
  }),
  ping: entry("icmp", "echo request", {
    transport: "icmp",
    src: { ip: "10.1.0.7" },
    dst: { ip: "10.1.0.9" },
    failed: true,
    incomplete: ["no response"],
    request: { type: 8, typeName: "echo request" },
  }),
};
