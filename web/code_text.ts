/** Sentences in which names stand between backticks, as messages of KFL do. */
import { html } from "lit";

/** What stands between backticks, as code. */
export function withCode(text: string): unknown {
  return text.split("`").map((part, i) =>
    i % 2 === 1 ? html`<code>${part}</code>` : part
  );
}
