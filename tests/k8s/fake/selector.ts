/** Label and field selectors, as lists and watches have them. */
import { badRequest } from "./refusal.ts";
import type { Stored } from "./store.ts";

/** Whether an object is selected. */
export type Selects = (object: Stored) => boolean;

/** @throws Refusal where a selector cannot be read */
export function selector(
  labels: string | null,
  fields: string | null,
): Selects {
  const byLabel = splitTop(labels ?? "").map(labelRequirement);
  const byField = (fields ?? "").split(",").filter(Boolean)
    .map(fieldRequirement);
  return (object) => [...byLabel, ...byField].every((test) => test(object));
}

/** At commas that are not within parentheses. */
function splitTop(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim()).filter(Boolean);
}

function labelRequirement(text: string): Selects {
  const labelsOf = (object: Stored) => object.metadata.labels ?? {};
  const set = /^([^\s!=]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(text);
  if (set) {
    const [, name, operator, list] = set;
    const values = list!.split(",").map((value) => value.trim());
    return (object) => {
      const value = labelsOf(object)[name!];
      const isIn = value !== undefined && values.includes(value);
      return operator === "in" ? isIn : !isIn;
    };
  }
  const equal = /^([^\s!=]+)\s*(==|=|!=)\s*([^\s=]*)$/.exec(text);
  if (equal) {
    const [, name, operator, value] = equal;
    return (object) =>
      (labelsOf(object)[name!] === value) === (operator !== "!=");
  }
  const there = /^(!?)([^\s!=]+)$/.exec(text);
  if (there) {
    const [, not, name] = there;
    return (object) => Object.hasOwn(labelsOf(object), name!) === (not === "");
  }
  const found = text.split(/\s+/).at(-1);
  throw badRequest(
    `unable to parse requirement: found '${found}' expected: '('`,
  );
}

/** What may be selected by, and where it is. */
const FIELDS: Record<string, (object: Stored) => unknown> = {
  "metadata.name": (object) => object.metadata.name,
  "metadata.namespace": (object) => object.metadata.namespace ?? "",
  "spec.nodeName": (object) => object.spec?.nodeName ?? "",
  "status.phase": (object) => object.status?.phase ?? "",
  "involvedObject.name": (object) => involved(object).name,
  "involvedObject.namespace": (object) => involved(object).namespace,
  "involvedObject.kind": (object) => involved(object).kind,
  "involvedObject.uid": (object) => involved(object).uid,
};

const involved = (object: Stored) =>
  (object.involvedObject ?? {}) as Record<string, unknown>;

function fieldRequirement(text: string): Selects {
  const parts = /^([^!=]+)(==|=|!=)(.*)$/.exec(text);
  if (!parts) {
    throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`);
  }
  const [, name, operator, value] = parts;
  const read = FIELDS[name!];
  if (!read) throw badRequest(`field label not supported: ${name}`);
  return (object) => (read(object) === value) === (operator !== "!=");
}
