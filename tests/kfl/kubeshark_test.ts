/**
 * Every query that users bring from Kubeshark, in its old and its new language,
 * is understood or refused with the spelling that is ours.
 */
import { equal, ok } from "node:assert/strict";
import { renderDiagnostics } from "../../kfl/diagnostic.ts";
import { compileQuery } from "../../kfl/query.ts";
import { EPOCH } from "./random_filter.ts";
import { schema } from "./schema.ts";

/** Number in the list, query, and what the errors must name if it is refused. */
const QUERIES: readonly (readonly [number, string, ...string[]])[] = [
  [1, 'http and request.path == "/catalogue"'],
  [2, 'http and request.path != "/catalogue"'],
  [3, 'http and request.headers["Accept"] == r"application/json.*"'],
  [4, 'http and response.status == r"4.*"', "in 400..499"],
  [5, "http and response.status >= 400"],
  [6, 'response.status == 500 and src.name == "front-end.sock-shop"'],
  [7, "timestamp >= now()"],
  [8, 'timestamp < datetime("10/28/2021, 9:13:02.905 PM")'],
  [9, "timestamp >= hours(-72)"],
  [10, "timestamp >= minutes(-5) and http and response.status >= 500"],
  [11, 'dst.name == "carts.sock-shop"'],
  [12, 'gql and (src.name == "my-pod-name" or dst.name == "my-pod-name")'],
  [
    13,
    '(http and request.method == "PUT") or (amqp and request.queue.startsWith("test")) or (kafka and response.payload.errorCode == 2) or (redis and request.key == "example") or (grpc and request.headers[":path"] == r".*foo.*")',
  ],
  [
    14,
    'http and (request.query["x"] == response.headers["y"] or response.content.text.contains(request.query["x"]))',
    "request.queryString",
    "response.body",
  ],
  [15, 'request.path.startsWith("something")'],
  [
    16,
    'response.content.text.json().some.path == "somevalue"',
    "response.body",
  ],
  [
    17,
    'response.content.text.xml().bookstore.book[1].title == "Harry Potter"',
    "response.body",
  ],
  [18, 'http and redact("request.path", "src.name")'],
  [19, 'dns and request.questions[0].name.contains("amazonaws")'],
  [20, "! dns"],
  [20, "dns == false"],
  [
    21,
    'grpc and request.headers["Authorization"] == r"Token.*" and src.name == "front-end.sock-shop" and dst.name == "catalogue.sock-shop"',
  ],
  [
    22,
    'node.name == "ip-10-0-41-65.ec2.internal" and response.status > 300',
  ],
  [
    23,
    'node.ip == "10.0.41.65" and stream == "000000019561.pcap"',
    "write `id`",
  ],
  [24, "elapsedTime >= 500"],
  [25, 'src.ip == "10.0.0.5"'],
  [25, 'dst.port == "8080"', "without quotes: `8080`"],
  [26, "outgoing == false", "src.node"],
  [27, "tls == true"],
  [28, 'namespace == "kube-system"'],
  [28, 'dst.namespace == "prod"'],
  [
    29,
    '!request.path.startsWith("/actuator") and !request.path.startsWith("/health") and http and dst.name != "pgadmin.development"',
  ],
  [
    30,
    'kafka and request.apiKeyName == "Produce" and request.payload.topicData[0].topic == "orders"',
  ],
  [
    31,
    'redis and request.command == "GET" and request.key == r"session:.*"',
  ],
  [
    32,
    'amqp and request.method == "basic publish" and request.exchange == "orders"',
  ],
  [33, "response.status > 400 or error or icmp or tcp"],
  [34, 'http and request.pathSegments.* == "v1"'],
  [35, "http and limit(100)"],
  [
    36,
    'http && method == "GET" && status_code >= 400',
    "request.method",
    "response.status",
  ],
  [37, 'dst.pod.namespace == "production"', "dst.namespace"],
  [38, 'dns && "google.com" in dns_questions', "request.questions[*].name"],
  [39, "http && response_body_size > 10000", "response.bodySize"],
  [40, "grpc && grpc_status != 0", "response.grpcStatus"],
  [41, "http && elapsed_time > 5000000", "elapsedTime > 5s"],
  [42, 'timestamp > now() - duration("5m")', "`5m`"],
  [
    43,
    "src.service.namespace != dst.service.namespace",
    "src.namespace",
    "dst.namespace",
  ],
  [44, 'map_get(local_labels, "app", "") == "checkout"', "src.labels"],
  [45, '"production" in namespaces', "write `namespace`"],
  [46, 'http && "authorization" in request.headers'],
  [47, 'http && !path.contains("/health")', "request.path"],
  [
    48,
    'tlsx && tlsx_cipher_suites.exists(s, s.contains("RC4"))',
    "write `tls`",
    "request.cipherSuites",
  ],
  [
    49,
    'conn && conn_state == "open" && conn_local_bytes > 1000000',
    'protocol == "tcp"',
    "response.closed",
    "request.bytes",
  ],
  [
    50,
    'postgresql && postgresql_query.contains("UNION SELECT")',
    "request.query",
  ],
  [51, 'dst.ip == "169.254.169.254"'],
  [52, 'tcp && tcp_error_type != ""', "error"],
  [
    53,
    'kafka && kafka_api_key_name == "PRODUCE" && kafka_request_summary.contains("orders")',
    "request.apiKeyName",
    "summary",
  ],
];

for (const [number, query, ...named] of QUERIES) {
  Deno.test(`Kubeshark ${number}: ${query}`, () => {
    const { diagnostics } = compileQuery(query, schema, { now: EPOCH });
    if (named.length === 0) {
      equal(diagnostics && renderDiagnostics(query, diagnostics), undefined);
      return;
    }
    ok(diagnostics, "it is refused");
    const hints = diagnostics.map(({ hint }) => hint);
    for (const ours of named) {
      ok(hints.some((hint) => hint?.includes(ours)), `${ours}: ${hints}`);
    }
  });
}

Deno.test("no query of Kubeshark's is left out", () => {
  const numbers = new Set(QUERIES.map(([number]) => number));
  equal(numbers.size, 53);
});
