/** Colours of words in queries and values, for light and dark. */
import { css } from "lit";

/** For elements that show code. Each is readable on every surface. */
export const codeColours = css`
  :host {
    --code-text: light-dark(#1a6e3c, #8fd6a4);
    --code-number: light-dark(#9a4700, #f0b27a);
    --code-keyword: light-dark(#7a3597, #d2a6ec);
    --code-operator: light-dark(#52606d, #9aa7b4);
    --code-call: light-dark(#07688c, #6cd0ea);
    --code-protocol: light-dark(#0d5f9e, #86c1f7);
    --code-name: light-dark(#17212b, #e4eaf0);
    --code-key: light-dark(#0d5f9e, #86c1f7);
  }
`;
