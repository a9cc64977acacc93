/**
 * A schema for tests: the protocols of FIELDS as far as the queries of the
 * tests need them. KFL knows no protocol, so its tests bring their own.
 */
import {
  bool,
  bytes,
  duration,
  json,
  list,
  map,
  number,
  object,
  text,
  time,
} from "../../entry/field.ts";
import { type ProtocolSchema, Schema } from "../../entry/schema.ts";

const CODED = ["content-encoding", "transfer-encoding", "PRI * HTTP/2"];

const httpRequest = {
  method: text("Method").verbatim(),
  target: text("Target").verbatimUnless("PRI * HTTP/2"),
  path: text("Path").verbatimUnless("PRI * HTTP/2"),
  pathSegments: list(text("Segment"), "Segments of the path"),
  queryString: map("Query string"),
  host: text("Host").caseless(),
  headers: map("Headers").ignoringCase(),
  cookies: map("Cookies"),
  body: bytes("Body").verbatimUnless(...CODED),
  bodySize: number("Size of the body"),
};

const httpResponse = {
  status: number("Status"),
  statusText: text("Reason phrase"),
  headers: map("Headers").ignoringCase(),
  informational: list(number("Status"), "1xx before it"),
  body: bytes("Body").verbatimUnless(...CODED),
  bodySize: number("Size of the body"),
};

const record = object({
  name: text("Owner"),
  type: text("Type"),
  ttl: number("Seconds"),
  data: json("Data"),
}, "A record");

const record2 = object({
  topic: text("Topic"),
  timestamp: time("When it was made"),
  key: bytes("Key"),
  value: bytes("Value"),
}, "A record");

const flowHalf = {
  packets: number("Packets"),
  bytes: number("Payload"),
  gaps: number("Holes"),
  body: bytes("First bytes").verbatim(),
};

const about = { doc: "A protocol of the tests", spec: "https://example.org/" };

/** The protocols, in the order of FIELDS. */
export const PROTOCOLS: readonly ProtocolSchema[] = [
  {
    ...about,
    name: "http",
    versions: { http1: ["1.0", "1.1"], http2: ["2"] },
    transports: ["tcp"],
    fields: { request: httpRequest, response: httpResponse },
  },
  {
    ...about,
    name: "graphql",
    aliases: ["gql"],
    is: ["http"],
    transports: ["tcp"],
    fields: {
      request: { ...httpRequest, operationName: text("Operation") },
      response: {
        ...httpResponse,
        errors: list(object({ message: text("Message") }, "Error"), "Errors"),
      },
    },
  },
  {
    ...about,
    name: "grpc",
    is: ["http"],
    transports: ["tcp"],
    fields: {
      request: {
        ...httpRequest,
        service: text("Service"),
        grpcMethod: text("Method"),
        messages: list(
          object({
            size: number("Size"),
            compressed: bool("Flag"),
            body: bytes("Body"),
          }, "A message"),
          "Messages",
        ),
        timeout: duration("Deadline"),
      },
      response: { ...httpResponse, grpcStatus: number("Status") },
    },
  },
  {
    ...about,
    name: "websocket",
    aliases: ["ws"],
    transports: ["tcp"],
    fields: {
      request: {
        opcode: text("Opcode").oneOf("text", "binary", "close", "ping", "pong"),
        body: bytes("Payload"),
        closeCode: number("Code"),
      },
    },
  },
  {
    ...about,
    name: "dns",
    transports: ["udp", "tcp"],
    fields: {
      request: {
        id: number("Id"),
        recursionDesired: bool("Flag"),
        questions: list(
          object({ name: text("Name"), type: text("Type") }, "A question"),
          "Questions",
        ),
      },
      response: {
        id: number("Id"),
        code: text("Code"),
        answers: list(record, "Answers"),
      },
    },
  },
  {
    ...about,
    name: "tls",
    transports: ["tcp"],
    fields: {
      request: {
        serverName: text("SNI").verbatim(),
        alpn: list(text("Protocol").verbatim(), "Offered"),
        cipherSuites: list(text("Suite"), "Offered"),
      },
      response: {
        alpn: text("Chosen"),
        cipherSuite: text("Chosen"),
        certificates: list(
          object({
            subject: text("Subject"),
            dnsNames: list(text("Name"), "Names"),
          }, "A certificate"),
          "Certificates",
        ),
      },
    },
  },
  {
    ...about,
    name: "redis",
    transports: ["tcp"],
    fields: {
      request: {
        command: text("Command").caseless(),
        args: list(bytes("Argument").verbatim(), "Arguments"),
        key: bytes("Key").verbatim(),
        value: bytes("Value").verbatim(),
      },
      response: {
        type: text("Type"),
        value: json("Value"),
        error: text("Error").verbatim(),
      },
    },
  },
  {
    ...about,
    name: "memcached",
    transports: ["tcp", "udp"],
    fields: {
      request: { command: text("Command"), key: text("Key").verbatim() },
      response: { status: text("Status"), statusCode: number("Code") },
    },
  },
  {
    ...about,
    name: "mysql",
    transports: ["tcp"],
    fields: {
      request: { command: text("Command"), query: text("Query").verbatim() },
      response: { errorCode: number("Code"), rows: list(json("Row"), "Rows") },
    },
  },
  {
    ...about,
    name: "pgsql",
    aliases: ["postgresql"],
    transports: ["tcp"],
    fields: {
      request: {
        command: text("Command"),
        messages: list(text("Message"), "Messages"),
        query: text("Query").verbatim(),
        parameters: list(bytes("Parameter"), "Parameters"),
      },
      response: { errorCode: text("SQLSTATE"), errorMessage: text("Message") },
    },
  },
  {
    ...about,
    name: "cql",
    aliases: ["cassandra"],
    transports: ["tcp"],
    fields: { request: { query: text("Query").verbatim() } },
  },
  {
    ...about,
    name: "kafka",
    transports: ["tcp"],
    fields: {
      request: {
        apiKey: number("Key"),
        apiKeyName: text("Name"),
        topics: list(text("Topic"), "Topics"),
        payload: json("Body"),
        records: list(record2, "Records"),
      },
      response: {
        payload: json("Body"),
        errorCodes: list(number("Code"), "Codes"),
      },
    },
  },
  {
    ...about,
    name: "amqp",
    transports: ["tcp"],
    fields: {
      request: {
        method: text("Method"),
        exchange: text("Exchange").verbatim(),
        queue: text("Queue").verbatim(),
        routingKey: text("Key").verbatim(),
        body: bytes("Body"),
      },
      response: { method: text("Method"), replyCode: number("Code") },
    },
  },
  {
    ...about,
    name: "icmp",
    transports: ["icmp"],
    fields: {
      request: { type: number("Type"), typeName: text("Name") },
      response: { type: number("Type") },
    },
  },
  {
    ...about,
    name: "tcp",
    transports: ["tcp"],
    fields: {
      request: { ...flowHalf },
      response: {
        ...flowHalf,
        handshake: text("How it began")
          .oneOf("complete", "refused", "unanswered", "partial"),
        reset: bool("An RST was seen"),
        closed: bool("FIN from both"),
      },
    },
  },
  {
    ...about,
    name: "udp",
    transports: ["udp"],
    fields: { request: { ...flowHalf }, response: { ...flowHalf } },
  },
  {
    ...about,
    name: "sctp",
    transports: ["sctp"],
    fields: {
      request: { packets: number("Packets"), bytes: number("Payload") },
      response: { packets: number("Packets"), bytes: number("Payload") },
    },
  },
];

export const schema = new Schema(PROTOCOLS);
