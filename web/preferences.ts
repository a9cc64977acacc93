/** What the reader prefers; kept by the browser, and not in the address. */

/** `system` is what the system says, also when it changes. */
export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const THEME_KEY = "thresher-theme";
const LETTERS_KEY = "thresher-letters";

/** Which colours were chosen last. */
export function storedTheme(): Theme {
  const stored = read(THEME_KEY);
  return THEMES.find((theme) => theme === stored) ?? "system";
}

/** Chooses, from now on and the next time. */
export function applyTheme(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset["theme"];
  else dataset["theme"] = theme;
  write(THEME_KEY, theme);
}

/** Whether single letters act; who speaks to the machine turns that off. */
export function storedLetters(): boolean {
  return read(LETTERS_KEY) !== "off";
}

export function storeLetters(act: boolean): void {
  write(LETTERS_KEY, act ? "on" : "off");
}

/** A browser may refuse to keep anything. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}
