/**
 * Bytes that their protocol forbids.
 *
 * Parsers throw it; the conversation catches it in one place, counts it and
 * marks the flow. It is never seen by users.
 */
export class Malformed extends Error {
  override name = "Malformed";
}
