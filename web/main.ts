/** Where the page begins. */
import { applyTheme, storedTheme } from "./theme.ts";
import "./app.ts";

applyTheme(storedTheme());
