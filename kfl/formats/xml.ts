/**
 * XML as nested values: enough to ask a SOAP message or a configuration for
 * what stands in it (XML 1.0, without validation, namespaces or own entities).
 */
import type { PlainObject, Value } from "../value.ts";

/** Deepest nesting of elements. */
const MAX_DEPTH = 100;

/** Most elements and attributes of one document. */
const MAX_NODES = 100_000;

/** An element while its end tag has not come. */
interface Open {
  readonly name: string;
  readonly members: { [name: string]: Value };
  text: string;
}

const NAME = "[A-Za-z_:\\u0080-\\uffff][-.\\w:\\u0080-\\uffff]*";
const TAG = new RegExp(
  // An end tag, or a start tag with its attributes.
  `</(${NAME})\\s*>|<(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`,
  "y",
);
const ATTRIBUTE = new RegExp(
  `(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`,
  "g",
);

/** Markup that says nothing: prolog, comments, document type. */
const SKIPPED = [["<?", "?>"], ["<!--", "-->"], ["<!DOCTYPE", ">"]] as const;

/** A document by the names of its elements; `undefined` where it is none. */
export function parseXml(text: string): PlainObject | undefined {
  const root: Open = { name: "", members: {}, text: "" };
  const open = [root];
  let at = 0;
  let nodes = 0;
  while (at < text.length) {
    const inner = open.at(-1)!;
    const markup = text.indexOf("<", at);
    const until = markup < 0 ? text.length : markup;
    inner.text += unescape(text.slice(at, until));
    if (markup < 0) break;
    if (text.startsWith("<![CDATA[", markup)) {
      const end = text.indexOf("]]>", markup);
      if (end < 0) return undefined;
      inner.text += text.slice(markup + 9, end);
      at = end + 3;
      continue;
    }
    const skipped = SKIPPED.find(([begin]) => text.startsWith(begin, markup));
    if (skipped) {
      const end = text.indexOf(skipped[1], markup);
      if (end < 0) return undefined;
      at = end + skipped[1].length;
      continue;
    }
    TAG.lastIndex = markup;
    const tag = TAG.exec(text);
    if (!tag) return undefined;
    at = TAG.lastIndex;
    const [, closed, opened, attributes, empty] = tag;
    if (opened !== undefined) {
      const element: Open = { name: opened, members: {}, text: "" };
      for (const [, name, double, single] of attributes!.matchAll(ATTRIBUTE)) {
        add(element.members, `@${name}`, unescape(double ?? single!));
        nodes++;
      }
      open.push(element);
    }
    if (++nodes > MAX_NODES || open.length > MAX_DEPTH) return undefined;
    if (closed === undefined && !empty) continue;
    const element = open.pop()!;
    if (open.length === 0) return undefined; // an end without a start
    if (closed !== undefined && closed !== element.name) return undefined;
    add(open.at(-1)!.members, element.name, toValue(element));
  }
  const elements = Object.keys(root.members);
  if (open.length > 1 || elements.length !== 1) return undefined;
  return root.text.trim() === "" ? root.members : undefined;
}

/** Text alone is a text; text beside anything else is `#text`. */
function toValue({ members, text }: Open): Value {
  const trimmed = text.trim();
  if (Object.keys(members).length === 0) return trimmed;
  if (trimmed !== "") add(members, "#text", trimmed);
  return members;
}

/** A name that occurs again makes a list. Names come from the peer. */
function add(
  members: { [name: string]: Value },
  name: string,
  value: Value,
): void {
  if (!Object.hasOwn(members, name)) {
    Object.defineProperty(members, name, {
      value,
      writable: true,
      enumerable: true,
    });
    return;
  }
  const before = members[name];
  if (Array.isArray(before)) before.push(value);
  else members[name] = [before, value];
}

const ENTITIES: { readonly [name: string]: string } = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

/** Predefined entities and character references; others stay as they are. */
function unescape(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{1,8}));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? whole;
      const code = hex ? parseInt(hex, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
