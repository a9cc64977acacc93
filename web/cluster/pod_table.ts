/** The pods that a selection picks. */
import { html, nothing } from "lit";
import type { MeshStatus, TargetPod, TargetsPreview } from "../../api/hub.ts";
import { formatCount } from "../model/format.ts";
import { meshMark } from "./mesh_note.ts";

/**
 * @param preview nothing is listed without one
 * @param mesh what is heard of pods in a service mesh
 */
export function podTable(
  preview: TargetsPreview | undefined,
  mesh: MeshStatus | undefined,
): unknown {
  const pods = preview?.pods ?? [];
  const more = (preview?.picked ?? 0) - pods.length;
  return html`
    <div class="scroller" tabindex="0" role="region" aria-label="Pods">
      <table>
        <thead>
          <tr>
            <th scope="col">Namespace</th>
            <th scope="col">Pod</th>
            <th scope="col">Node</th>
            <th scope="col">Address</th>
          </tr>
        </thead>
        <tbody>
          ${pods.map((pod) => rowOf(pod, mesh))}
          ${more > 0
            ? html`
              <tr>
                <td colspan="4" class="muted">and ${formatCount(more)} more
                </td>
              </tr>
            `
            : nothing}
        </tbody>
      </table>
      ${preview && pods.length === 0
        ? html`
          <p class="none">No pod that runs now is like that. Those that begin
            later are captured as soon as they have an address.</p>
        `
        : nothing}
    </div>
  `;
}

function rowOf(pod: TargetPod, mesh: MeshStatus | undefined): unknown {
  const { namespace, name, node, addresses, ports } = pod;
  return html`
    <tr>
      <td>${namespace}</td>
      <td>${name} ${meshMark(pod, mesh)}</td>
      <td class="muted">${node}</td>
      <td class="muted">${addresses.join(", ")}${portsOf(ports)}</td>
    </tr>
  `;
}

/** What is captured of a pod on its node's own address. */
function portsOf(ports: readonly number[] | undefined): unknown {
  if (!ports) return nothing;
  if (ports.length > 0) {
    return html`
      <span>ports ${ports.join(", ")}</span>
    `;
  }
  return html`
    <span class="warn" title="It has its node's address and declares no ports">
      cannot be told from its node</span>
  `;
}
