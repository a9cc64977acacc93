/**
 * The JSON of an entry, with what is known once the answers of several nodes
 * are merged (`MERGED_FIELDS` of `entry/schema.ts`).
 */

const CLOSING_BRACE = 0x7d;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Says who else saw it. An entry is large, so it is not read for that. */
export function withSeenBy(
  json: Uint8Array,
  nodes: readonly string[],
): Uint8Array {
  if (json.at(-1) !== CLOSING_BRACE) throw new Error("An entry is no object");
  const added = encoder.encode(`,"seenBy":${JSON.stringify(nodes)}}`);
  const text = new Uint8Array(json.length - 1 + added.length);
  text.set(json.subarray(0, -1));
  text.set(added, json.length - 1);
  return text;
}

/** A client's leg with the server of the other leg. */
export function withLegs(
  outbound: Uint8Array,
  inbound: Uint8Array,
): Uint8Array {
  const entry = JSON.parse(decoder.decode(outbound));
  const { dst } = JSON.parse(decoder.decode(inbound));
  const legs = ["outbound", "inbound"];
  return encoder.encode(JSON.stringify({ ...entry, dst, legs }));
}
