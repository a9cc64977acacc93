/** Access: every way in that must be shut, and the few that are open. */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { HUB } from "../../api/paths.ts";
import { Access, CODE_LIFE, SESSION_LIFE } from "../../hub/access.ts";
import { newToken } from "../../hub/token.ts";
import { HEAD_PATIENCE, MAX_CONNECTIONS } from "../../net/http.ts";
import type { Page } from "../../hub/route.ts";
import { MAX_CLIENT_MESSAGE } from "../../net/websocket.ts";
import { RunningHub, statusOf } from "./running_hub.ts";
import { ScriptedWorker } from "./scripted_worker.ts";

const page: Page = {
  files: new Map([["/", {
    bytes: new TextEncoder().encode("<!doctype html><title>Thresher</title>"),
    type: "text/html; charset=utf-8",
    etag: '"1"',
  }]]),
  headers: { "content-security-policy": "default-src 'none'" },
};

/** A request as it is on the wire. */
function request(
  hub: RunningHub,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
  body = "",
): string {
  const all = {
    host: hub.host,
    connection: "close",
    ...body && { "content-length": String(body.length) },
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};

const JSON_TYPE = { "content-type": "application/json" };

/** What is tried, and the status with which it must be refused. */
interface Attack {
  readonly name: string;
  readonly status: number;
  readonly bytes: (hub: RunningHub) => string;
}

const bearer = (hub: RunningHub) => ({ authorization: `Bearer ${hub.token}` });

const ATTACKS: readonly Attack[] = [
  {
    name: "no token",
    status: 401,
    bytes: (hub) => request(hub, HUB.workers),
  },
  {
    name: "a wrong token",
    status: 401,
    bytes: (hub) =>
      request(hub, HUB.workers, { authorization: `Bearer ${newToken()}` }),
  },
  {
    name: "the beginning of the token",
    status: 401,
    bytes: (hub) =>
      request(hub, HUB.workers, {
        authorization: `Bearer ${hub.token.slice(0, -1)}`,
      }),
  },
  {
    name: "the token in the query",
    status: 401,
    bytes: (hub) => request(hub, `${HUB.workers}?token=${hub.token}`),
  },
  {
    name: "the token as a code",
    status: 401,
    bytes: (hub) => request(hub, `/?code=${hub.token}`),
  },
  {
    name: "a made-up cookie",
    status: 401,
    bytes: (hub) =>
      request(hub, HUB.workers, {
        cookie: `thresher_${hub.server.port}=${Date.now() + 1e9}.${
          "A".repeat(43)
        }`,
      }),
  },
  {
    name: "a path that is not there, to learn what is",
    status: 401,
    bytes: (hub) => request(hub, "/api/v1/nothing"),
  },
  {
    name: "a Host of somebody else",
    status: 421,
    bytes: (hub) =>
      request(hub, HUB.workers, { ...bearer(hub), host: "evil.example" }),
  },
  {
    name: "a Host that only begins like ours",
    status: 421,
    bytes: (hub) =>
      request(hub, HUB.workers, {
        ...bearer(hub),
        host: "localhost.evil.example",
      }),
  },
  {
    name: "the page under a foreign Host",
    status: 421,
    bytes: (hub) => request(hub, "/", { host: "evil.example" }),
  },
  {
    name: "a foreign Origin with the token",
    status: 403,
    bytes: (hub) =>
      request(hub, HUB.workers, {
        ...bearer(hub),
        origin: "http://evil.example",
      }),
  },
  {
    name: "the Origin of a sandbox",
    status: 403,
    bytes: (hub) =>
      request(hub, HUB.workers, { ...bearer(hub), origin: "null" }),
  },
  {
    name: "an Origin on another port",
    status: 403,
    bytes: (hub) =>
      request(hub, HUB.workers, {
        ...bearer(hub),
        origin: "http://127.0.0.1:1",
      }),
  },
  {
    name: "a request that another site made the browser send",
    status: 403,
    bytes: (hub) =>
      request(hub, HUB.workers, {
        ...bearer(hub),
        "sec-fetch-site": "cross-site",
      }),
  },
  {
    name: "a preflight, for there is no CORS",
    status: 403,
    bytes: (hub) =>
      request(hub, HUB.workers, {
        origin: "http://evil.example",
        "access-control-request-method": "PUT",
      }, "OPTIONS"),
  },
  {
    name: "a form of another site, with the cookie",
    status: 400,
    bytes: (hub) =>
      request(
        hub,
        HUB.storageLimit,
        { ...bearer(hub), "content-type": "text/plain" },
        "PUT",
        '{"limit":1}',
      ),
  },
  {
    name: "a traversal in an id",
    status: 404,
    bytes: (hub) =>
      request(
        hub,
        `${HUB.entries}/${encodeURIComponent("../../etc/passwd")}`,
        bearer(hub),
      ),
  },
  {
    name: "a traversal in a node's name",
    status: 404,
    bytes: (hub) =>
      request(
        hub,
        `${HUB.entries}/${encodeURIComponent("..~0~0~0")}/packets`,
        bearer(hub),
      ),
  },
  {
    name: "a traversal past the page",
    status: 401,
    bytes: (hub) => request(hub, "/../../../etc/passwd"),
  },
  {
    name: "broken escapes in a path",
    status: 404,
    bytes: (hub) => request(hub, `${HUB.entries}/%E0%A4%A`, bearer(hub)),
  },
  {
    name: "a body larger than it may be",
    status: 413,
    bytes: (hub) =>
      request(
        hub,
        HUB.check,
        { ...bearer(hub), ...JSON_TYPE, "content-length": "99999999" },
        "POST",
        "{",
      ),
  },
  {
    name: "a large token, before anybody is known",
    status: 413,
    bytes: (hub) =>
      request(
        hub,
        HUB.session,
        { ...JSON_TYPE, "content-length": "99999999" },
        "POST",
        "{",
      ),
  },
  {
    name: "headers larger than they may be",
    status: 431,
    bytes: (hub) => request(hub, "/", { filler: "x".repeat(20_000) }),
  },
  {
    name: "a WebSocket without a cookie from a page",
    status: 401,
    bytes: (hub) =>
      request(hub, HUB.query, { ...UPGRADE, origin: `http://${hub.host}` }),
  },
  {
    name: "a WebSocket with a wrong token",
    status: 401,
    bytes: (hub) =>
      request(hub, HUB.query, {
        ...UPGRADE,
        authorization: `Bearer ${newToken()}`,
      }),
  },
  {
    name: "a WebSocket of a foreign page",
    status: 403,
    bytes: (hub) =>
      request(hub, HUB.query, {
        ...UPGRADE,
        ...bearer(hub),
        origin: "http://evil.example",
      }),
  },
  {
    name: "a WebSocket under a foreign Host",
    status: 421,
    bytes: (hub) =>
      request(hub, HUB.query, { ...UPGRADE, host: "evil.example" }),
  },
  {
    name: "a WebSocket elsewhere",
    status: 404,
    bytes: (hub) => request(hub, HUB.workers, { ...UPGRADE, ...bearer(hub) }),
  },
  {
    name: "a WebSocket of another version",
    status: 400,
    bytes: (hub) =>
      request(hub, HUB.query, {
        ...UPGRADE,
        ...bearer(hub),
        "sec-websocket-version": "8",
      }),
  },
  {
    name: "two lengths of one body",
    status: 400,
    bytes: (hub) =>
      request(
        hub,
        HUB.check,
        { ...bearer(hub), "transfer-encoding": "chunked" },
        "POST",
        '{"kfl":""}',
      ),
  },
];

Deno.test("attacks are refused, each with its status", async () => {
  const links = [new ScriptedWorker("node-0", [])];
  await using hub = await RunningHub.start({ page, links });
  const statuses: [string, number][] = [];
  for (const { name, bytes } of ATTACKS) {
    statuses.push([name, statusOf(await hub.raw(bytes(hub)))]);
  }
  deepEqual(statuses, ATTACKS.map(({ name, status }) => [name, status]));
  deepEqual(hub.faults, []);
});

Deno.test("a code opens the page once, and the cookie then stands for it", async () => {
  await using hub = await RunningHub.start({ page });
  const code = hub.access.newCode();
  notEqual(code, hub.access.newCode());
  const opened = await fetch(`http://${hub.host}/?code=${code}&q=http`, {
    redirect: "manual",
  });
  await opened.body?.cancel();
  equal(opened.status, 303);
  equal(opened.headers.get("location"), "/?q=http");
  const cookie = opened.headers.get("set-cookie")!;
  match(cookie, new RegExp(`^thresher_${hub.server.port}=`));
  match(cookie, /; HttpOnly; SameSite=Strict$/);
  const answer = await fetch(`http://${hub.host}${HUB.workers}`, {
    headers: { cookie: cookie.split(";")[0]! },
  });
  deepEqual([answer.status, await answer.json()], [200, []]);
  const again = await hub.raw(request(hub, `/?code=${code}`));
  equal(statusOf(again), 401);
  ok(again.includes("<!doctype html>"), "the page asks for the token");
  ok(!again.toLowerCase().includes("set-cookie"));
});

Deno.test("whoever has the token can let a browser in, and nobody else", async () => {
  await using hub = await RunningHub.start({ page });
  const stranger = await fetch(`http://${hub.host}${HUB.code}`, {
    method: "POST",
  });
  await stranger.body?.cancel();
  equal(stranger.status, 401);
  const { code } = await (await hub.post(HUB.code, {})).json();
  const opened = await fetch(`http://${hub.host}/?code=${code}`, {
    redirect: "manual",
  });
  await opened.body?.cancel();
  equal(opened.status, 303);
});

Deno.test("codes and cookies end when their time is over", () => {
  let now = 1e12;
  const access = new Access(newToken(), [], () => now);
  const codes = [access.newCode(), access.newCode()];
  const host = "localhost:8899";
  const cookie = access.sessionCookie(host).split(";")[0]!;
  now += CODE_LIFE - 1;
  equal(access.redeem(codes[0]!), true);
  equal(access.redeem(codes[0]!), false);
  now += 1;
  equal(access.redeem(codes[1]!), false);
  equal(access.isAllowed({ host, cookie }), true);
  equal(access.isAllowed({ host: "localhost:8900", cookie }), false);
  now += SESSION_LIFE;
  equal(access.isAllowed({ host, cookie }), false);
});

Deno.test("another token ends all sessions", () => {
  const host = "localhost:8899";
  const cookie = new Access(newToken()).sessionCookie(host).split(";")[0]!;
  equal(new Access(newToken()).isAllowed({ host, cookie }), false);
});

Deno.test("a hub may be asked for by addresses, by localhost and by its own names", () => {
  const access = new Access(newToken(), ["Hub.Shop.svc"]);
  const refused = (host: string | undefined) => access.refusalOf({ host });
  for (
    const host of [
      "localhost",
      "LOCALHOST:8899",
      "127.0.0.1:1",
      "[::1]:8899",
      "10.0.0.5",
      "hub.shop.svc:80",
      "hub.shop.svc.",
      "thresher.localhost",
    ]
  ) equal(refused(host), undefined, host);
  for (
    const host of [
      undefined,
      "",
      "evil.example",
      "localhost@evil.example",
      "localhost/evil",
      "hub.shop.svc.evil.example",
      "127.0.0.1.evil.example",
      "[::1",
    ]
  ) equal(refused(host), "host", `${host}`);
});

Deno.test("wrong tokens typed into the page are slowed down", async () => {
  await using hub = await RunningHub.start();
  const attempt = async (token: string) => {
    const answer = await fetch(`http://${hub.host}${HUB.session}`, {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify({ token }),
    });
    await answer.body?.cancel();
    return answer;
  };
  const right = await attempt(hub.token);
  equal(right.status, 200);
  match(right.headers.get("set-cookie")!, /HttpOnly/);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) {
    statuses.push((await attempt(newToken())).status);
  }
  deepEqual(statuses, [...Array(10).fill(401), 429, 429]);
  equal((await attempt(hub.token)).status, 429);
});

/** A WebSocket's messages until it closes. */
async function converse(
  hub: RunningHub,
  say: (socket: WebSocket) => void,
): Promise<{ said: string[]; code: number }> {
  const socket = new WebSocket(`ws://${hub.host}${HUB.query}`);
  const said: string[] = [];
  const closed = Promise.withResolvers<number>();
  socket.addEventListener("open", () => say(socket));
  socket.addEventListener("message", ({ data }) => said.push(String(data)));
  socket.addEventListener("close", ({ code }) => closed.resolve(code));
  return { code: await closed.promise, said };
}

Deno.test("a program shows the token in its first message, or learns nothing", async () => {
  await using hub = await RunningHub.start();
  const wrong = await converse(hub, (socket) => {
    socket.send(JSON.stringify({ token: newToken() }));
    socket.send("");
  });
  equal(wrong.said.length, 1);
  match(wrong.said[0]!, /"code":"denied"/);
  const hasty = await converse(hub, (socket) => socket.send("http"));
  match(hasty.said[0]!, /"code":"denied"/);
  const right = await converse(hub, (socket) => {
    socket.send(JSON.stringify({ token: hub.token }));
    socket.send("http");
  });
  match(right.said.at(-1)!, /"done":\{"matches":0\}/);
});

Deno.test("messages longer than they may be close the socket", async () => {
  await using hub = await RunningHub.start();
  const { code } = await converse(
    hub,
    (socket) => socket.send("x".repeat(MAX_CLIENT_MESSAGE + 1)),
  );
  equal(code, 1009);
});

Deno.test("half-open requests are cut off, and bounded in number", async () => {
  await using hub = await RunningHub.start();
  const { port } = hub.server;
  const open = async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHo"));
    return connection;
  };
  const first = await open();
  const begun = performance.now();
  const answer = new Uint8Array(100);
  const size = await first.read(answer);
  match(new TextDecoder().decode(answer.subarray(0, size!)), /^HTTP\/1.1 408/);
  ok(performance.now() - begun < HEAD_PATIENCE + 5000);
  first.close();
  const many = await Promise.all(
    Array.from({ length: MAX_CONNECTIONS + 50 }, open),
  );
  await sleep(50);
  ok(hub.server.metrics.connections <= MAX_CONNECTIONS);
  for (const connection of many) connection.close();
});
