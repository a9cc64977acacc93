/** Who spoke with whom, over what, and where it was captured. */
import { html, nothing } from "lit";
import { END_FIELDS } from "../../entry/schema.ts";
import type { EndJson, EntryJson } from "../model/entry_json.ts";
import { isRecord } from "../model/entry_json.ts";
import type { Scalar } from "../model/filter_edit.ts";
import { pathTo } from "../model/kfl_text.ts";
import { valueButton } from "./value_button.ts";
import { wireText } from "./wire_text.ts";

export function connectionPanel(entry: EntryJson): unknown {
  const { src, dst } = entry;
  const fields = Object.keys(END_FIELDS).filter((name) =>
    name !== "labels" && (src[name] !== undefined || dst[name] !== undefined)
  );
  return html`
    <section>
      <table class="records ends">
        <thead>
          <tr>
            <td></td>
            <th scope="col">Source</th>
            <th scope="col">Destination</th>
          </tr>
        </thead>
        <tbody>
          ${fields.map((name) =>
            html`
              <tr>
                <th scope="row">${name}</th>
                <td>${endValue("src", src, name)}</td>
                <td>${endValue("dst", dst, name)}</td>
              </tr>
            `
          )}
        </tbody>
      </table>
    </section>
    ${labels("src", "Labels of the source", src)} ${labels(
      "dst",
      "Labels of the destination",
      dst,
    )}
    <section>
      <div class="head">
        <h3>Captured</h3>
      </div>
      <table>
        <tbody>
          ${row("Node", "node.name", entry.node.name)}
          ${entry.node.ip
            ? row("Its address", "node.ip", entry.node.ip)
            : nothing}
          ${row("Protocol", "protocol", entry.protocol)}
          ${entry.version ? row("Version", "version", entry.version) : nothing}
          ${row("Decrypted", "decrypted", entry.decrypted)}
          ${row("Id", "id", entry.id)}
        </tbody>
      </table>
    </section>
  `;
}

function endValue(end: "src" | "dst", of: EndJson, name: string): unknown {
  const value = of[name] as Scalar | undefined;
  return value === undefined
    ? nothing
    : valueButton({ path: `${end}.${name}`, value });
}

function labels(end: "src" | "dst", title: string, of: EndJson): unknown {
  const known = of["labels"];
  if (!isRecord(known)) return nothing;
  return html`
    <section>
      <div class="head">
        <h3>${title}</h3>
      </div>
      <table>
        <tbody>
          ${Object.entries(known).map(([name, value]) =>
            row(name, pathTo(`${end}.labels`, name), value as Scalar)
          )}
        </tbody>
      </table>
    </section>
  `;
}

function row(name: string, path: string, value: Scalar): unknown {
  return html`
    <tr>
      <th scope="row">${wireText(name)}</th>
      <td>${valueButton({ path, value })}</td>
    </tr>
  `;
}
