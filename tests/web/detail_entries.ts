/** Entries for the tests of the details, as the hub gives them. */
import type { EntryJson } from "../../web/model/entry_json.ts";

const head = {
  protocol: "http",
  version: "1.1",
  decrypted: false,
  timestamp: "2026-11-23T10:13:00.123456Z",
  node: { name: "node-a", ip: "10.0.0.5" },
  src: {
    ip: "10.1.0.7",
    port: 51234,
    name: "web.shop",
    pod: "web-1",
    namespace: "shop",
    service: "web",
    labels: { "app.kubernetes.io/name": "web" },
  },
  dst: {
    ip: "10.1.0.9",
    port: 80,
    name: "carts.shop",
    pod: "carts-0",
    namespace: "shop",
    service: "carts",
  },
} as const;

/** A response as `http` has it. */
export const response = (
  contentType: string,
  body: unknown,
  bodySize: number,
  more: Readonly<Record<string, unknown>> = {},
) => ({
  status: 200,
  statusText: "OK",
  headers: { "content-type": contentType, server: "nginx" },
  contentType,
  body,
  bodySize,
  ...more,
});

/** An entry with everything that is common, and this. */
export const entryWith = (more: Partial<EntryJson>): EntryJson => ({
  ...head,
  id: "node-a~17~204~0",
  elapsedTime: 12.345,
  summary: "GET /api/cart",
  status: 200,
  failed: false,
  requestSize: 312,
  responseSize: 1045,
  request: {
    method: "GET",
    target: "/api/cart",
    path: "/api/cart",
    url: "http://carts/api/cart",
    host: "carts",
    headers: { host: "carts", accept: "*/*" },
  },
  ...more,
});

/** Text that no page may take for anything else. */
export const HOSTILE = {
  html: '<img src=x onerror="globalThis.hacked=1"><script>hacked=1</script>',
  turned: "safe\u202egnp.exe",
  control: "a\u001b]0;b\u0007c\u0000d",
} as const;

/** An order that failed, with all that an HTTP exchange may have. */
export const order = entryWith({
  summary: "POST /api/cart?user=17",
  status: 500,
  failed: true,
  requestSize: 512,
  request: {
    method: "POST",
    target: "/api/cart?user=17&tag=a&tag=b",
    path: "/api/cart",
    pathSegments: ["api", "cart"],
    url: "http://carts/api/cart?user=17&tag=a&tag=b",
    host: "carts",
    queryString: { user: "17", tag: ["a", "b"] },
    headers: {
      host: "carts",
      "content-type": "application/json",
      authorization: "[REDACTED]",
      "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
      "x-html": HOSTILE.html,
      "x-turned": HOSTILE.turned,
      "x-control": HOSTILE.control,
    },
    cookies: { session: "abc" },
    contentType: "application/json",
    body: JSON.stringify({
      items: [
        { sku: "A-1", count: 2, price: 12.5 },
        { sku: HOSTILE.html, count: 1, tags: [] },
      ],
      user: { name: "Zoë", admin: false, "e-mail": null },
    }),
    bodySize: 190,
  },
  response: {
    status: 500,
    statusText: "Internal Server Error",
    headers: { "content-type": "text/plain" },
    contentType: "text/plain",
    body: "Error: cart 17\n\tat handle (/srv/cart.js:12)\n",
    bodySize: 44,
  },
});

/** A handshake, after which nothing can be read. */
export const handshake = entryWith({
  protocol: "tls",
  version: "1.3",
  summary: "carts.shop 1.3",
  status: "ok",
  dst: { ...head.dst, port: 443 },
  request: {
    serverName: "carts.shop",
    alpn: ["h2", "http/1.1"],
    version: "1.2",
    supportedVersions: ["1.3", "1.2"],
    cipherSuites: ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
    cipherSuiteIds: [4866, 4867],
    ja4: "t13d5911h9_a33745022dd6_1f22a2ca17c4",
    sessionResumption: false,
  },
  response: { version: "1.2", cipherSuite: "TLS_AES_256_GCM_SHA384" },
});

/** A name and its addresses. */
export const lookup = entryWith({
  protocol: "dns",
  version: undefined,
  summary: "A carts.shop.svc.cluster.local",
  status: "NOERROR",
  request: {
    id: 4711,
    questions: [
      { name: "carts.shop.svc.cluster.local", type: "A", class: "IN" },
    ],
    recursionDesired: true,
  },
  response: {
    id: 4711,
    code: "NOERROR",
    answers: [
      {
        name: "carts.shop.svc.cluster.local",
        type: "A",
        class: "IN",
        ttl: 5,
        data: "10.1.0.9",
      },
      {
        name: "carts.shop.svc.cluster.local",
        type: "A",
        class: "IN",
        ttl: 5,
        data: "10.1.0.10",
      },
    ],
  },
});
