/** Marks of legs: what a proxy changes of an exchange, and what it does not. */
import { deepEqual, equal, notEqual } from "node:assert/strict";
import type { Entry } from "../../../entry/entry.ts";
import type { Multimap } from "../../../entry/field.ts";
import { marksOfLeg } from "../../../worker/scan/leg_marks.ts";

/** A request and its answer, as somebody saw them. */
function exchange(
  { target = "/carts/7", bodySize = 0, status = 200, headers = {} }: {
    readonly target?: string;
    readonly bodySize?: number;
    readonly status?: number;
    readonly headers?: Multimap;
  },
): Entry {
  return {
    ...{ id: "a~1~1~0", protocol: "http", transport: "tcp" },
    ...{ decrypted: false, failed: false, node: { name: "a" } },
    ...{ timestamp: 1, completed: 2, summary: `GET ${target}`, status },
    ...{ src: { ip: "10.1.0.7" }, dst: { ip: "10.96.0.9" } },
    request: { method: "GET", target, host: "carts", bodySize, headers },
    response: { status, bodySize: 40 },
  };
}

Deno.test("headers that a proxy adds do not count", () => {
  const asked = exchange({ headers: { host: "carts", "user-agent": "curl" } });
  const passedOn = exchange({
    headers: {
      ...{ host: "carts", "user-agent": "curl", "x-forwarded-proto": "http" },
      "x-envoy-attempt-count": "1",
    },
  });
  deepEqual(marksOfLeg(asked), marksOfLeg(passedOn));
});

Deno.test("another target, body or status is another exchange", () => {
  const { asked, answered } = marksOfLeg(exchange({}));
  notEqual(marksOfLeg(exchange({ target: "/carts/8" })).asked, asked);
  notEqual(marksOfLeg(exchange({ bodySize: 3 })).asked, asked);
  equal(marksOfLeg(exchange({ status: 503 })).asked, asked);
  notEqual(marksOfLeg(exchange({ status: 503 })).answered, answered);
});

Deno.test("half an exchange has half the marks", () => {
  const { asked } = marksOfLeg(exchange({}));
  deepEqual(marksOfLeg({ ...exchange({}), response: undefined }), {
    ...{ asked, answered: undefined, traced: undefined },
  });
});

Deno.test("a trace goes on in the spans of proxies", () => {
  const traceOf = (headers: Multimap) =>
    marksOfLeg(exchange({ headers })).traced;
  const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736";
  const ofClient = traceOf({ traceparent: `${trace}-00f067aa0ba902b7-01` });
  equal(traceOf({ traceparent: `${trace}-53995c3f42cd8ad8-01` }), ofClient);
  const other = trace.replace("4bf9", "4bfa");
  notEqual(traceOf({ traceparent: `${other}-00f067aa0ba902b7-01` }), ofClient);
  equal(traceOf({}), undefined);
});

Deno.test("the lowest bit tells which system named a request", () => {
  const traceOf = (headers: Multimap) =>
    marksOfLeg(exchange({ headers })).traced!;
  equal(traceOf({ traceparent: "00-4bf92f35-00f067aa-01" }) & 1, 0);
  equal(traceOf({ "x-request-id": "9a3c" }) & 1, 1);
});

Deno.test("what is no HTTP is known by what is said and how long it is", () => {
  const redis = (summary: string, requestSize: number): Entry => ({
    ...exchange({}),
    ...{ protocol: "redis", summary, requestSize, responseSize: 5 },
  });
  const { asked } = marksOfLeg(redis("GET cart:7", 30));
  equal(marksOfLeg(redis("GET cart:7", 30)).asked, asked);
  notEqual(marksOfLeg(redis("GET cart:8", 30)).asked, asked);
  notEqual(marksOfLeg(redis("GET cart:7", 31)).asked, asked);
});
