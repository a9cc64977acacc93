import { deepEqual, ok } from "node:assert/strict";
import {
  complete,
  type CompletionOptions,
  MAX_SUGGESTIONS,
} from "../../kfl/completion.ts";
import { schema } from "./schema.ts";

/** What is suggested where `|` stands. */
function at(marked: string, options: CompletionOptions = {}): string[] {
  const cursor = marked.indexOf("|");
  const text = marked.replace("|", "");
  const { suggestions } = complete(text, cursor, schema, options);
  return suggestions.map((each) => each.text);
}

/** The filter with the first suggestion taken. */
function taken(marked: string): string {
  const cursor = marked.indexOf("|");
  const text = marked.replace("|", "");
  const { from, to, suggestions } = complete(text, cursor, schema);
  return text.slice(0, from) + suggestions[0]?.text + text.slice(to);
}

/** Expects some suggestions, and after `not` that others are absent. */
function offers(
  marked: string,
  expected: string[],
  absent: string[] = [],
): void {
  const found = at(marked);
  for (const each of expected) ok(found.includes(each), `${each} in ${found}`);
  for (const each of absent) {
    ok(!found.includes(each), `no ${each} in ${found}`);
  }
}

Deno.test("an empty filter offers protocols, fields and functions", () => {
  offers("|", [
    "http",
    "gql",
    "http2",
    "tcp",
    "request",
    "src",
    "port",
    "exists(",
  ]);
  ok(at("|").length <= MAX_SUGGESTIONS);
});

Deno.test("what was typed of a word narrows the offer", () => {
  deepEqual(at("htt|"), ["http", "http1", "http2"]);
  deepEqual(at("time|"), ["timestamp"]);
  deepEqual(at("ELAP|"), ["elapsedTime"]);
  deepEqual(taken("not kaf| and x"), "not kafka and x");
  deepEqual(taken("request.pathSeg|"), "request.pathSegments");
});

Deno.test("after a dot come the fields of what stands before it", () => {
  offers("src.|", ["ip", "port", "labels"], ["request", "http"]);
  offers("request.|", ["method", "key", "questions"], ["http", "src"]);
  offers("redis.request.|", ["key", "command"], ["method", "questions"]);
  offers("redis.|", ["request", "response"], ["key"]);
  offers("response.answers[*].|", ["name", "ttl"], ["code"]);
  offers("response.answers[0].|", ["name", "ttl"]);
  deepEqual(at("request.questions[0].na|"), ["name"]);
});

Deno.test("after a dot come the operators that fit", () => {
  offers("request.path.|", ["startsWith(", "lower()", "json()"], ["exists("]);
  offers("request.alpn.|", ["exists(", "all(", "size()"]);
  offers("request.bodySize.|", [], ["startsWith(", "lower()"]);
  offers("request.body.json().|", ["exists(", "size()"]);
});

Deno.test("the conjunction around the cursor narrows the fields", () => {
  offers("redis and request.|", ["key"], ["method"]);
  offers("dns and (failed or request.|", ["questions"], ["key", "method"]);
  offers("redis and x or request.|", ["key", "method"]);
  offers("(redis) and failed and request.|", ["key"], ["method"]);
  offers("not http and request.|", ["key"], ["pathSegments"]);
  offers('protocol == "dns" and request.|', ["questions"], ["key"]);
  offers("udp and request.|", ["questions"], ["method"]);
});

Deno.test("the element of a list has the list's fields", () => {
  offers("response.answers.exists(a, a.|", ["name", "ttl"], ["code"]);
  offers("response.answers.all(record, rec|", ["record"]);
  offers(
    "grpc and request.messages.any(m, m.compressed and m.|",
    ["body", "size"],
  );
});

Deno.test("after a value come operators, those that fit it first", () => {
  offers("request.path |", ["==", "contains", "matches", "in", "and"]);
  offers("response.status |", ["==", ">=", "in"], ["contains_"]);
  deepEqual(at("http |").slice(0, 2), ["and", "or"]);
  offers("http a|", ["and"]);
  offers('request.path == "x" |', ["and", "or"], ["==", "contains"]);
  offers("request.path st|", ["startsWith"]);
});

Deno.test("after an operator come values: declared ones and live ones", () => {
  offers("response.handshake == |", ['"refused"', '"complete"', "request"]);
  offers("transport in [|", ['"tcp"', '"udp"']);
  offers('transport in ["tcp", |', ['"udp"']);
  offers("protocol == |", ['"redis"', '"http"']);
  offers("failed == |", ["true", "false"]);
  offers("timestamp > |", ["now()"]);
  deepEqual(at('protocol == "re|'), ['"redis"']);
});

Deno.test("values that were seen are offered where they fit", () => {
  const seen = (...texts: string[]) => ({
    values: texts.map((value, i) => ({ value, count: 9 - i })),
  });
  const paths = seen("/api/cart", "/api/order");
  deepEqual(at('http and request.path startsWith "/api/o|', paths), [
    '"/api/order"',
  ]);
  const statuses = seen("200", "404");
  deepEqual(at("response.status in [404, 2|", statuses), ["200"]);
  const status = at("response.status == |", seen("404", "END"));
  deepEqual(status.slice(0, 2), ["404", '"END"']);
  ok(at("src.port == |", seen("80")).includes("80"));
  const { suggestions } = complete("src.port == ", 12, schema, seen("80"));
  deepEqual(suggestions[0], { text: "80", kind: "value", doc: "9×" });
  // What is declared stays where it was when more comes.
  const transports = at("transport == |");
  const values = transports.filter((each) => each.startsWith('"'));
  deepEqual(
    at("transport == |", seen("x", "udp")).slice(0, values.length + 1),
    [...values, '"x"'],
  );
});

Deno.test("it says whose values are wanted, and of which entries", () => {
  const wanted = (marked: string) => {
    const cursor = marked.indexOf("|");
    return complete(marked.replace("|", ""), cursor, schema).wants;
  };
  const all = (path: string) => ({ path, kfl: "" });
  deepEqual(wanted('request.path == "/a|'), all("request.path"));
  deepEqual(wanted("src.port in [80, |"), all("src.port"));
  deepEqual(wanted("request.path.lower() == |"), all("request.path.lower()"));
  deepEqual(wanted('request.headers["Content-Type"] contains "|'), {
    ...all('request.headers["Content-Type"]'),
  });
  deepEqual(wanted("http and failed and request.path == |"), {
    path: "request.path",
    kfl: "(http and failed)",
  });
  deepEqual(
    wanted("dns or http and (failed or dst.port > 1 and src.ip == |"),
    { path: "src.ip", kfl: "(http) and (dst.port > 1)" },
  );
  // What is behind the cursor does not narrow, but what it hides is hidden.
  deepEqual(
    wanted('http and request.path == | and failed and redact("src.ip")'),
    { path: "request.path", kfl: '(http) and redact("src.ip")' },
  );
  deepEqual(
    wanted("nothing and src.ip == | and redact(request.body.json().x)"),
    { path: "src.ip", kfl: "redact(request.body.json().x)" },
  );
  deepEqual(wanted("src.ip == | and redact(request.nothing)"), undefined);
  deepEqual(wanted("src.ip == | and redact("), undefined);
  // Booleans and times say themselves; a variable has none outside.
  deepEqual(wanted("failed == |"), undefined);
  deepEqual(wanted("timestamp > |"), undefined);
  deepEqual(wanted("elapsedTime > |"), undefined);
  deepEqual(wanted("response.answers.exists(x, x.name == |"), undefined);
  deepEqual(wanted("request.nothing == |"), undefined);
  deepEqual(wanted("request.path |"), undefined);
  deepEqual(wanted("1 == |"), undefined);
});

Deno.test("nothing is offered where nothing can be known", () => {
  deepEqual(at("request.headers.|").filter((x) => !x.includes("(")), []);
  deepEqual(at("nonsense.|"), []);
  deepEqual(at("1..|"), []);
  deepEqual(at('"text|'), []);
});

Deno.test("a filter that is wrong before the cursor stops nothing", () => {
  offers("request. and dns and response.|", ["code"]);
  offers("(((redis and request.|", ["key"]);
  offers("a b c ) and request.|", ["key", "method"]);
  offers("@ & | and request.|".replace("| ", ""), ["key"]);
});
