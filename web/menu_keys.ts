/** Keys that move within a menu (ARIA Authoring Practices, "Menu"). */

/**
 * Moves the focus as a key asks, round and round.
 *
 * @param active which of the items has it
 * @returns whether the key was one of those that move
 */
export function moveFocus(
  key: string,
  items: readonly HTMLElement[],
  active: Element | null | undefined,
): boolean {
  const at = items.findIndex((item) => item === active);
  switch (key) {
    case "ArrowDown":
      items[(at + 1) % items.length]?.focus();
      return true;
    case "ArrowUp":
      items.at(Math.max(at, 0) - 1)?.focus();
      return true;
    case "Home":
      items[0]?.focus();
      return true;
    case "End":
      items.at(-1)?.focus();
      return true;
    default:
      return false;
  }
}
