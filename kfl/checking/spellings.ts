/**
 * How others spell it: names that users bring from Kubeshark's two query
 * languages, and what they are called here.
 *
 * Only for hints. A name that is a field of ours never gets here.
 */

/** Paths, by their longest known beginning. */
const PATHS: { readonly [theirs: string]: string } = {
  // KFL, until 2025.
  "request.content.text": "request.body",
  "request.content": "request.body",
  "response.content.text": "response.body",
  "response.content": "response.body",
  "request.query": "request.queryString",
  "request.httpVersion": "version",
  "response.httpVersion": "version",
  stream: "id",
  outgoing: "dst.node != node.name` or `src.node != node.name",
  // CEL, since.
  method: "request.method",
  url: "request.url",
  path: "request.path",
  status_code: "response.status",
  http_version: "version",
  query_string: "request.queryString",
  request_headers_size: "requestSize",
  request_body_size: "request.bodySize",
  response_headers_size: "responseSize",
  response_body_size: "response.bodySize",
  // In µs there, in ms here.
  elapsed_time: "elapsedTime > 5s",
  node_name: "node.name",
  node_ip: "node.ip",
  namespaces: "namespace",
  pods: "pod",
  services: "service",
  "src.pod.name": "src.pod",
  "src.pod.namespace": "src.namespace",
  "src.service.name": "src.service",
  "src.service.namespace": "src.namespace",
  "dst.pod.name": "dst.pod",
  "dst.pod.namespace": "dst.namespace",
  "dst.service.name": "dst.service",
  "dst.service.namespace": "dst.namespace",
  local_labels: "src.labels` or `dst.labels",
  remote_labels: "src.labels` or `dst.labels",
  "src.dns": "src.name",
  "dst.dns": "dst.name",
  grpc_method: "request.grpcMethod",
  grpc_status: "response.grpcStatus",
  dns_questions: "request.questions[*].name",
  dns_answers: "response.answers[*].data",
  dns_question_types: "request.questions[*].type",
  dns_request: "request",
  dns_response: "response",
  tlsx: "tls",
  tlsx_sni: "request.serverName",
  tlsx_cipher_suites: "request.cipherSuites",
  tlsx_cipher_suite: "response.cipherSuite",
  tlsx_alpn: "request.alpn",
  tlsx_version: "version",
  tls_summary: "summary",
  tcp_error_type: "error` or `response.handshake",
  tcp_error_message: "error` or `response.handshake",
  tcp_payload: "request.body",
  ws_opcode: "request.opcode",
  ws_request_payload_data: "request.body",
  redis_command: "request.command",
  redis_key: "request.key",
  redis_type: "request.type",
  kafka_api_key_name: "request.apiKeyName",
  kafka_api_key: "request.apiKey",
  kafka_client_id: "request.clientId",
  kafka_request_summary: "summary",
  amqp_method: "request.method",
  amqp_summary: "summary",
  mysql_command: "request.command",
  mysql_query: "request.query",
  mysql_database: "request.database",
  mysql_error_code: "response.errorCode",
  mysql_success: "not failed",
  postgresql_command: "request.command",
  postgresql_query: "request.query",
  postgresql_database: "request.database",
  postgresql_user: "request.user",
  postgresql_error_code: "response.errorCode",
  postgresql_success: "not failed",
  mongodb_command: "request.command",
  mongodb_database: "request.database",
  mongodb_collection: "request.collection",
  mongodb_error_code: "response.errorCode",
  mongodb_success: "not failed",
  conn: 'protocol == "tcp"',
  flow: 'protocol == "tcp"',
  tcp_conn: 'protocol == "tcp"',
  tcp_flow: 'protocol == "tcp"',
  udp_conn: 'protocol == "udp"',
  udp_flow: 'protocol == "udp"',
  conn_state: "response.closed",
  conn_local_bytes: "request.bytes",
  conn_l7_detected: "protocol",
  flow_local_bytes: "request.bytes",
  gqlv1: "gql",
  gqlv2: "gql",
};

/** Functions. */
const FUNCTIONS: { readonly [theirs: string]: string } = {
  map_get:
    '`src.labels["name"]` or `dst.labels["name"]`; a name that is missing is nil',
  duration: "a duration without quotes, such as `5m`",
  timestamp: 'a time in quotes, such as `"2026-11-23T10:13:00Z"`',
  has: "`exists(path)`",
};

/** Words between two values, and signs in words. */
const WORDS: { readonly [theirs: string]: string } = {
  AND: "and",
  And: "and",
  OR: "or",
  Or: "or",
  NOT: "not",
  IN: "in",
  is: "==",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  xor: "!=",
};

/** What a path is called here, given as its text is written. */
export function ourPath(theirs: string): string | undefined {
  const parts = theirs.split(/(?=[.[])/);
  for (let n = parts.length; n > 0; n--) {
    const ours = lookup(PATHS, parts.slice(0, n).join(""));
    if (ours !== undefined) return ours;
  }
  return undefined;
}

/** What takes the place of a function. */
export function ourFunction(theirs: string): string | undefined {
  return lookup(FUNCTIONS, theirs);
}

/** What an operator in words is called here. */
export function ourWord(theirs: string): string | undefined {
  return lookup(WORDS, theirs);
}

function lookup(
  table: { readonly [theirs: string]: string },
  theirs: string,
): string | undefined {
  return Object.hasOwn(table, theirs) ? table[theirs] : undefined;
}
