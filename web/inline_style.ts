/**
 * Sets properties of an element's style where the page's content security
 * policy is strict: Lit's `styleMap` writes a `style` attribute at first, which
 * the policy refuses.
 */
import { noChange } from "lit";
import { Directive, directive, type ElementPart } from "lit/directive.js";

class InlineStyle extends Directive {
  override render(_style: Readonly<Record<string, string>>): symbol {
    return noChange;
  }

  override update(
    { element }: ElementPart,
    [style]: [Readonly<Record<string, string>>],
  ): symbol {
    for (const [name, value] of Object.entries(style)) {
      (element as HTMLElement).style.setProperty(name, value);
    }
    return noChange;
  }
}

/**
 * Stands in an element's tag: `<i ${inlineStyle({ "--hue": "200" })}>`. A name
 * that is given once must be given always.
 */
export const inlineStyle = directive(InlineStyle);
