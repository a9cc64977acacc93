/** A selection of pods as it comes from outside: read strictly. */
import type { TargetSelection } from "./hub.ts";

/** A selection that cannot be followed, in words for whoever wrote it. */
export class BadSelection extends Error {
  override readonly name = "BadSelection";
}

/** Namespaces that a selection may name. */
const MAX_NAMESPACES = 1000;

/** Characters of a namespace's name (RFC 1123, labels). */
const MAX_NAME = 63;

/** Characters of the regular expression, and of the labels. */
const MAX_TEXT = 1000;

/**
 * Reads a selection out of JSON. What its texts mean is not looked at.
 *
 * @throws BadSelection
 */
export function readSelection(
  value: Readonly<Record<string, unknown>>,
): TargetSelection {
  const { pod, namespaces, excludeNamespaces, labels, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new BadSelection(
      `A selection has no "${unknown}", but pod, namespaces, ` +
        "excludeNamespaces and labels",
    );
  }
  return {
    ...given("pod", toText("pod", pod)),
    ...given("namespaces", toNames("namespaces", namespaces)),
    ...given(
      "excludeNamespaces",
      toNames("excludeNamespaces", excludeNamespaces),
    ),
    ...given("labels", toText("labels", labels)),
  };
}

/** Whether it picks every pod. */
export const isEverything = (
  { pod, namespaces, excludeNamespaces, labels }: TargetSelection,
): boolean =>
  !pod && !namespaces?.length && !excludeNamespaces?.length && !labels?.trim();

/** A member that is there only if it has a value. */
const given = <T>(name: string, value: T | undefined) =>
  value === undefined ? {} : { [name]: value };

function toText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && value.length <= MAX_TEXT) {
    return value || undefined;
  }
  throw new BadSelection(
    `"${name}" must be a text of up to ${MAX_TEXT} characters`,
  );
}

function toNames(name: string, value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const isList = Array.isArray(value) && value.length <= MAX_NAMESPACES &&
    value.every((each) => typeof each === "string" && each.length <= MAX_NAME);
  if (!isList) {
    throw new BadSelection(
      `"${name}" must be a list of up to ${MAX_NAMESPACES} namespaces`,
    );
  }
  return value.length > 0 ? value : undefined;
}
