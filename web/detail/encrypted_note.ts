/** What is to be seen of an encrypted connection, and what is not. */
import { html, nothing } from "lit";
import type { EntryJson } from "../model/entry_json.ts";
import { valueButton } from "./value_button.ts";

/** What of a handshake says most: a path, and what it is. */
const FACTS: readonly (readonly [path: string, name: string])[] = [
  ["request.serverName", "Server name"],
  ["version", "Version"],
  ["response.cipherSuite", "Cipher suite"],
  ["response.alpn", "Protocol inside"],
  ["request.ja4", "Client fingerprint"],
];

/** Nothing for entries that were not encrypted. */
export function encryptedNote(entry: EntryJson): unknown {
  const isHandshake = entry.protocol === "tls" || entry.protocol === "quic";
  if (!isHandshake || entry.decrypted) return nothing;
  return html`
    <div class="note encrypted">
      <p>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M4 7.500h8v6H4zM5.500 7.500V5a2.500 2.500 0 0 1 5 0v2.500" />
        </svg>
        <b>Encrypted.</b> This is the handshake, as far as it stood in clear.
        What was said after it was captured and cannot be read without the
        connection's keys.
      </p>
      <dl>
        ${FACTS.map(([path, name]) => {
          const value = valueAt(entry, path);
          return value === undefined ? nothing : html`
            <div>
              <dt>${name}</dt>
              <dd>${valueButton({ path, value })}</dd>
            </div>
          `;
        })}
      </dl>
    </div>
  `;
}

function valueAt(entry: EntryJson, path: string): string | undefined {
  const value = path.split(".").reduce<unknown>(
    (of, name) => (of as { [name: string]: unknown } | undefined)?.[name],
    entry,
  );
  return typeof value === "string" ? value : undefined;
}
