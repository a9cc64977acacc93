/**
 * TLS: the handshakes of TCP flows, and those of DTLS in UDP flows, as far as
 * they stand in clear.
 */
import type { Dissector } from "../dissector.ts";
import type { Alert } from "./alert.ts";
import { DtlsParser } from "./datagram.ts";
import { REQUEST_FIELDS, RESPONSE_FIELDS } from "./fields.ts";
import type { HandshakeExchange, HandshakeFields } from "./handshake.ts";
import { probe } from "./probe.ts";
import { TlsParser } from "./record.ts";

export const tls: Dissector<HandshakeFields> = {
  name: "tls",
  doc: "TLS and DTLS handshakes, as far as they stand in clear",
  spec: "https://www.rfc-editor.org/rfc/rfc8446",
  transports: ["tcp", "udp"],
  ports: [443, 465, 636, 853, 993, 995, 5061, 6443, 8443],
  startsAnywhere: true,
  fields: { request: REQUEST_FIELDS, response: RESPONSE_FIELDS },
  probe,
  open: ({ transport, midStream }) =>
    transport === "udp" ? new DtlsParser() : new TlsParser(midStream),
  summarize: ({ request, version }) =>
    [request?.values.serverName, version].filter(Boolean).join(" "),
  status(exchange) {
    const isAnswered = exchange.response?.values.cipherSuiteId !== undefined;
    return gravest(exchange)?.description ?? (isAnswered ? "ok" : undefined);
  },
  failed: (exchange) => gravest(exchange)?.level === "fatal",
};

/** The alert that decides: a fatal one of either end, else any. */
function gravest({ request, response }: HandshakeExchange): Alert | undefined {
  const alerts = [response?.values.alert, request?.values.alert] as const;
  return (alerts.find((alert) => alert?.level === "fatal") ??
    alerts.find((alert) => alert !== undefined)) as Alert | undefined;
}
