/** Queries to begin with, for whoever has not written one yet. */

/** A query and what it asks. */
export interface SampleQuery {
  readonly doc: string;
  readonly kfl: string;
}

/** Those whose protocols the program does not know yet are not offered. */
export const SAMPLE_QUERIES: readonly SampleQuery[] = [
  { doc: "Server errors", kfl: "http and response.status >= 500" },
  { doc: "Everything that failed", kfl: "failed" },
  { doc: "Answers that took over 500 ms", kfl: "elapsedTime > 500ms" },
  { doc: "Requests that nobody answered", kfl: 'incomplete == "no response"' },
  {
    doc: "Names that do not exist",
    kfl: 'dns and response.code == "NXDOMAIN"',
  },
  {
    doc: "Credentials sent in the clear",
    kfl: "http and not decrypted and exists(request.headers.authorization)",
  },
  {
    doc: "Changes",
    kfl: 'http and request.method in ["POST", "PUT", "DELETE"]',
  },
  { doc: "JSON answers", kfl: 'response.contentType contains "json"' },
  {
    doc: "Redis sessions",
    kfl: 'redis and request.key startsWith "session:"',
  },
  { doc: "TLS older than 1.2", kfl: 'tls and version in ["1.0", "1.1"]' },
  {
    doc: "Traffic that leaves the private networks",
    kfl: "not dst.ip in [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, " +
      "127.0.0.0/8, fc00::/7]",
  },
  {
    doc: "Kafka writes to a topic",
    kfl: 'kafka and request.apiKeyName == "Produce"',
  },
];
