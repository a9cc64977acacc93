/**
 * How fast HTTP/1 is read, in the parser alone: of what a busy connection
 * says, each message lies in a segment of its own.
 */
import { Http1Parser } from "../../dissectors/http/parser.ts";
import { StreamReader } from "../../stream/reader.ts";

const EXCHANGES = 1000;

/** What `wrk` asks. */
const REQUEST = `GET /api/carts/4711?expand=items HTTP/1.1\r
Host: carts.shop.svc.cluster.local\r
User-Agent: wrk/4.2.0\r
Accept: application/json\r
X-Request-Id: 6f1c2a51-5c3e-4a63-9e8e-2f6a1a2b3c4d\r
\r
`;

/** What nginx answers: 600 bytes, of which 359 are the body. */
const RESPONSE = `HTTP/1.1 200 OK\r
Server: nginx/1.22.1\r
Date: Thu, 23 Nov 2026 10:11:12 GMT\r
Content-Type: application/json\r
Content-Length: 359\r
Last-Modified: Thu, 23 Nov 2026 10:11:12 GMT\r
Connection: keep-alive\r
ETag: "6380c0d1-168"\r
Accept-Ranges: bytes\r
\r
${"{}".padEnd(359)}`;

const request = new TextEncoder().encode(REQUEST);
const response = new TextEncoder().encode(RESPONSE);

/** Reads all exchanges and looks at their status. */
function readAll(wantsBodies: boolean, look: (exchange: Found) => void): void {
  const parser = new Http1Parser({
    transport: "tcp",
    client: { ip: "10.0.0.1", port: 50000 },
    server: { ip: "10.0.0.2", port: 80 },
    ipVersion: 4,
    midStream: false,
    wantsBodies,
  });
  const client = new StreamReader();
  const server = new StreamReader();
  let found = 0;
  for (let i = 0; i < EXCHANGES; i++) {
    client.append(request, 0, request.length, i * 1000, 2 * i);
    for (const _ of parser.read("client", client)) found--;
    client.retain();
    server.append(response, 0, response.length, i * 1000 + 500, 2 * i + 1);
    for (const exchange of parser.read("server", server)) {
      look(exchange);
      found++;
    }
    server.retain();
  }
  if (found !== EXCHANGES) throw new Error(`Got ${found}`);
}

type Found = ReturnType<Http1Parser["read"]> extends Iterable<infer E> ? E
  : never;

Deno.bench("http: the status of 1,000 exchanges, 2,000 messages", () => {
  let failures = 0;
  readAll(false, ({ response }) => {
    if (Number(response?.values.status) >= 400) failures++;
  });
  if (failures > 0) throw new Error(`${failures} failures`);
});

Deno.bench("http: path and a header of 1,000 exchanges", () => {
  let matches = 0;
  readAll(false, ({ request, response }) => {
    const type = response?.values.headers?.["content-type"];
    const path = request?.values.path;
    if (path?.startsWith("/api") && type === "application/json") matches++;
  });
  if (matches !== EXCHANGES) throw new Error(`${matches} matches`);
});

Deno.bench("http: bodies of 1,000 exchanges", () => {
  let size = 0;
  readAll(true, ({ response }) => {
    size += String(response?.values.body).length;
  });
  if (size !== 359 * EXCHANGES) throw new Error(`${size} bytes`);
});
