/** Which colours the reader wants; kept by the browser, not in the address. */

/** `system` is what the system says, also when it changes. */
export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const KEY = "thresher-theme";

/** What was chosen last; a browser may refuse to keep anything. */
export function storedTheme(): Theme {
  const stored = read(KEY);
  return THEMES.find((theme) => theme === stored) ?? "system";
}

/** Chooses, from now on and the next time. */
export function applyTheme(theme: Theme): void {
  const { dataset } = document.documentElement;
  if (theme === "system") delete dataset["theme"];
  else dataset["theme"] = theme;
  write(KEY, theme);
}

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
