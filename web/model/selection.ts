/** Selections of pods, as somebody writes them into a form. */
import type { TargetSelection } from "../../api/hub.ts";

/** The fields of the form: lists are written with commas or blanks. */
export interface SelectionForm {
  readonly pod: string;
  readonly namespaces: string;
  readonly excludeNamespaces: string;
  readonly labels: string;
}

/** What a form begins with. */
export function toForm(selection: TargetSelection): SelectionForm {
  const { pod, namespaces, excludeNamespaces, labels } = selection;
  return {
    pod: pod ?? "",
    namespaces: (namespaces ?? []).join(", "),
    excludeNamespaces: (excludeNamespaces ?? []).join(", "),
    labels: labels ?? "",
  };
}

/** What a form asks for; what is empty is absent. */
export function toSelection(form: SelectionForm): TargetSelection {
  const pod = form.pod.trim();
  const labels = form.labels.trim();
  const namespaces = namesIn(form.namespaces);
  const excludeNamespaces = namesIn(form.excludeNamespaces);
  return {
    ...pod && { pod },
    ...namespaces.length > 0 && { namespaces },
    ...excludeNamespaces.length > 0 && { excludeNamespaces },
    ...labels && { labels },
  };
}

/** Whether two selections are written alike, whatever the order of names. */
export function isSameSelection(
  a: TargetSelection,
  b: TargetSelection,
): boolean {
  const key = (selection: TargetSelection) => {
    const form = toForm(selection);
    const sorted = (list: string) => namesIn(list).sort();
    return JSON.stringify([
      form.pod.trim(),
      form.labels.trim(),
      sorted(form.namespaces),
      sorted(form.excludeNamespaces),
    ]);
  };
  return key(a) === key(b);
}

/** A list with a name more, or without it if it was there. */
export function toggleName(list: string, name: string): string {
  const names = namesIn(list);
  const others = names.filter((each) => each !== name);
  if (others.length === names.length) others.push(name);
  return others.join(", ");
}

/** The names in a list, each once. */
export function namesIn(list: string): string[] {
  return [...new Set(list.split(/[\s,]+/).filter(Boolean))];
}
