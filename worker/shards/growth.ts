/** How columns grow. */

/** A larger typed array that begins with what the smaller one holds. */
export function grown<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}
