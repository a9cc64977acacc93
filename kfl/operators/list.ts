/** Operators on lists, maps and whatever else has a size. */
import { Binary, isObject, type Value } from "../value.ts";
import type { Operator } from "./operator.ts";

export const size: Operator<Value, []> = {
  name: "size",
  doc:
    "How many elements a list has, names a map, characters a text, or bytes what is none",
  takes: ["any"],
  gives: "number",
  examples: [
    [["a", "b"], [], 2],
    [{ accept: "*/*" }, [], 1],
    ["naïve", [], 5],
    [7, [], undefined],
  ],
  evaluate(value) {
    if (Array.isArray(value)) return value.length;
    if (typeof value === "string") return characters(value);
    if (value instanceof Binary) return value.bytes.length;
    return isObject(value) ? Object.keys(value).length : undefined;
  },
};

/** Code points, without making a list of them. */
function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const next = text.charCodeAt(i + 1);
    const high = unit >= 0xd800 && unit < 0xdc00;
    if (high && next >= 0xdc00 && next < 0xe000) count--;
  }
  return count;
}
