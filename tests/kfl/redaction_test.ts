import { deepEqual, equal } from "node:assert/strict";
import { compileQuery } from "../../kfl/query.ts";
import { redact, REDACTED } from "../../kfl/redaction.ts";
import { NOW } from "./entries.ts";
import { schema } from "./schema.ts";

/** An entry as it leaves, with a secret in many places. */
const ENTRY = {
  id: "node-a~0~0~0",
  protocol: "http",
  src: { ip: "10.0.0.1", name: "web.shop" },
  dst: { ip: "10.0.0.2", name: "carts.shop" },
  summary: "GET /login?token=sesam17",
  failed: false,
  request: {
    method: "GET",
    target: "/login?token=sesam17",
    queryString: { token: "sesam17" },
    headers: { "x-id": ["one", "two"], authorization: "Bearer sesam17" },
    body: '{"user": {"name": "ann", "password": "open"}, "list": [1, 2]}',
  },
  response: {
    status: 200,
    body: "<a><b>secret</b></a>",
    errors: [{ message: "first" }, { message: "second" }],
  },
};

type Entry = typeof ENTRY;

/** The entry with these paths hidden. */
function without(...paths: string[]): Entry {
  const list = paths.map((path) => JSON.stringify(path)).join(", ");
  const { plan } = compileQuery(`redact(${list})`, schema, { now: NOW });
  const before = structuredClone(ENTRY);
  const result = redact(ENTRY, plan!.redact);
  deepEqual(ENTRY, before, "what is redacted is a copy");
  return result as Entry;
}

Deno.test("without paths an entry stays what it is", () => {
  equal(redact(ENTRY, []), ENTRY);
});

Deno.test("a hidden text is hidden wherever else it stands", () => {
  const { summary, request } = without("request.queryString.token");
  equal(summary, `GET /login?token=${REDACTED}`);
  equal(request.target, `/login?token=${REDACTED}`);
  equal(request.queryString.token, REDACTED);
  equal(request.headers.authorization, `Bearer ${REDACTED}`);
});

Deno.test("a short text is hidden where it is all of a value", () => {
  const { summary, request } = without("request.method");
  equal(request.method, REDACTED);
  equal(summary, `${REDACTED} /login?token=sesam17`);
  equal(
    without("request.headers.x-id".replace(".x-id", '["X-ID"]')).request
      .headers["x-id"] as unknown,
    REDACTED,
  );
});

Deno.test("elements are hidden one by one, or all", () => {
  deepEqual(without('request.headers["x-id"][0]').request.headers["x-id"], [
    REDACTED,
    "two",
  ]);
  deepEqual(without('request.headers["x-id"][*]').request.headers["x-id"], [
    REDACTED,
    REDACTED,
  ]);
  deepEqual(without("response.errors[*].message").response.errors, [
    { message: REDACTED },
    { message: REDACTED },
  ]);
});

Deno.test("a name is hidden at any depth", () => {
  const { request, response } = without("request..token", "response..message");
  equal(request.queryString.token, REDACTED);
  deepEqual(response.errors.map(({ message }) => message), [
    REDACTED,
    REDACTED,
  ]);
});

Deno.test("inside of JSON only the value is hidden", () => {
  const { body } = without("request.body.json().user.password").request;
  deepEqual(JSON.parse(body), {
    user: { name: "ann", password: REDACTED },
    list: [1, 2],
  });
  const { body: again } = without("request.body.json().list[1]").request;
  deepEqual(JSON.parse(again).list, [1, REDACTED]);
});

Deno.test("what cannot be taken apart is hidden as a whole", () => {
  equal(without("response.body.xml().a.b").response.body, REDACTED);
  equal(without("response.body.json().a").response.body, REDACTED);
  equal(without("request.body.base64()").request.body, REDACTED);
});

Deno.test("a word for both ends hides both", () => {
  const { src, dst } = without("name");
  deepEqual([src.name, dst.name], [REDACTED, REDACTED]);
  deepEqual([src.ip, dst.ip], ["10.0.0.1", "10.0.0.2"]);
});

Deno.test("numbers, groups and aliases are hidden too", () => {
  equal(without("response.status").response.status as unknown, REDACTED);
  equal(without("src").src as unknown, REDACTED);
  equal(without("error").failed as unknown, REDACTED);
  equal(without("http.request.method").request.method, REDACTED);
});
