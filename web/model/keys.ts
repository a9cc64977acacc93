/** What can be done by one key; the help is written from it. */

/** Something the page can do. */
export type Action =
  | "down"
  | "up"
  | "page-down"
  | "page-up"
  | "first"
  | "last"
  | "open"
  | "back"
  | "toggle-follow"
  | "filter"
  | "connection"
  | "previous-tab"
  | "next-tab"
  | "copy"
  | "download"
  | "time"
  | "zone"
  | "counts"
  | "map"
  | "nodes"
  | "pods"
  | "help";

/** A key, or several, and what they do. */
interface Binding {
  /** As `KeyboardEvent.key` has them. */
  readonly keys: readonly string[];
  readonly action: Action;
  readonly text: string;
}

/** All of them, in the order of the help. */
export const BINDINGS: readonly Binding[] = [
  { keys: ["j", "ArrowDown"], action: "down", text: "Next entry" },
  { keys: ["k", "ArrowUp"], action: "up", text: "Previous entry" },
  { keys: ["PageDown"], action: "page-down", text: "A page down" },
  { keys: ["PageUp"], action: "page-up", text: "A page up" },
  { keys: ["Home"], action: "first", text: "Oldest entry in view" },
  { keys: ["End"], action: "last", text: "Follow the newest" },
  { keys: ["Enter"], action: "open", text: "Open the entry" },
  { keys: ["Escape"], action: "back", text: "Close it" },
  { keys: [" "], action: "toggle-follow", text: "Stand still, go on" },
  { keys: ["/"], action: "filter", text: "Write a filter" },
  {
    keys: ["f"],
    action: "connection",
    text: "Only the connection of the entry",
  },
  { keys: ["["], action: "previous-tab", text: "Details: the tab before" },
  { keys: ["]"], action: "next-tab", text: "Details: the next tab" },
  { keys: ["c"], action: "copy", text: "Copy the request as cURL" },
  { keys: ["d"], action: "download", text: "Packets of the entry" },
  { keys: ["t"], action: "time", text: "Go to a time" },
  { keys: ["u"], action: "zone", text: "Local time or UTC" },
  { keys: ["s"], action: "counts", text: "Statistics" },
  { keys: ["m"], action: "map", text: "Service map" },
  { keys: ["n"], action: "nodes", text: "Nodes: what they keep and lose" },
  { keys: ["p"], action: "pods", text: "Pods that are captured" },
  { keys: ["?"], action: "help", text: "These keys" },
];

/** Whether a control that has the focus may need the key for itself. */
const isShared = (key: string): boolean => key === " " || key.length > 1;

/** The keys as they are written on a keyboard. */
export function keyName(key: string): string {
  const names: Readonly<Record<string, string>> = {
    " ": "Space",
    ArrowDown: "↓",
    ArrowUp: "↑",
    PageDown: "Page ↓",
    PageUp: "Page ↑",
    Escape: "Esc",
  };
  return names[key] ?? key;
}

/**
 * What a key does.
 *
 * @param isFree whether no control has the focus that may want it
 * @param lettersAct whether keys that write something do anything (WCAG 2.1.4)
 */
export function actionOf(
  key: string,
  isFree: boolean,
  lettersAct: boolean,
): Action | undefined {
  if (!lettersAct && key.length === 1 && key !== " ") return undefined;
  const binding = BINDINGS.find(({ keys }) => keys.includes(key));
  if (!binding || isShared(key) && !isFree) return undefined;
  return binding.action;
}
