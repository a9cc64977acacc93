/** RESP as text, for tests. */
import type { Chunk } from "../dissect.ts";

/** A command as an array of bulk strings. */
export const command = (...words: string[]): string =>
  `*${words.length}\r\n` + words.map(bulk).join("");

/** A bulk string of ASCII. */
export const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/** An array of values. */
export const array = (...values: string[]): string =>
  `*${values.length}\r\n${values.join("")}`;

/** What the client sends at once: commands as words, or bytes as they are. */
export const asks = (...sent: (string | readonly string[])[]): Chunk => ({
  side: "client",
  bytes: sent.map((it) => typeof it === "string" ? it : command(...it)).join(
    "",
  ),
});

/** What the server sends at once. */
export const says = (...values: string[]): Chunk => (
  { side: "server", bytes: values.join("") }
);
