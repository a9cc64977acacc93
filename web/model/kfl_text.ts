/** Texts, names and paths as KFL writes them. */

/** What nobody sees in a filter, or what turns its letters around. */
const INVISIBLE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufe00-\ufe0f\ufeff\ufff9-\ufffb]/g;

/** A text in quotes, in which every character can be seen. */
export function quoteText(text: string): string {
  return JSON.stringify(text).replaceAll(
    INVISIBLE,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A path to a part of what another one leads to; `""` leads to the entry. */
export function pathTo(base: string, step: string | number): string {
  if (typeof step === "number") return `${base}[${step}]`;
  if (base === "") return step;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(step)
    ? `${base}.${step}`
    : `${base}[${quoteText(step)}]`;
}

/** A path to any element of a list. */
export function pathToEach(base: string): string {
  return `${base}[*]`;
}
