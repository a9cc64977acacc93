/** When the list of suggestions opens, and where. */
import { equal, ok } from "node:assert/strict";
import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { SCHEMA } from "../../dissectors/registry.ts";
import { suggestionsOf } from "../../web/filter/completion_source.ts";
import { KnownValues } from "../../web/model/known_values.ts";

const suggestions = () =>
  suggestionsOf(() => SCHEMA, new KnownValues(() => Promise.resolve([])));

/** A place at the end of a text. */
function endOf(text: string, isAskedFor: boolean): CompletionContext {
  const state = EditorState.create({ doc: text });
  return new CompletionContext(state, text.length, isAskedFor);
}

const isListed = (result: unknown): boolean => result !== null;

Deno.test("behind a blank a list opens only where it is asked for", () => {
  equal(isListed(suggestions().source(endOf("http and ", false))), false);
  ok(isListed(suggestions().source(endOf("http and ", true))));
});

Deno.test("a list that stays open closes behind what it completed", () => {
  const { source } = suggestions();
  ok(isListed(source(endOf("http and ", true))));
  ok(isListed(source(endOf("http and fail", true))));
  equal(isListed(source(endOf("http and failed ", true))), false);
});

Deno.test("once it was closed it opens wherever it is asked for", () => {
  const { source, onClosed } = suggestions();
  ok(isListed(source(endOf("http and response.sta", true))));
  // What is typed fast is not looked at before more is asked for.
  onClosed();
  ok(isListed(source(endOf("http and response.status == 200 and ", true))));
});
