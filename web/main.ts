/** Where the page begins. */
import { applyTheme, storedTheme } from "./preferences.ts";
import "./app.ts";

applyTheme(storedTheme());
