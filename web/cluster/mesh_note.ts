/** Pods of a service mesh, and whether what is said inside of them is heard. */
import { html, nothing } from "lit";
import type {
  Mesh,
  MeshStatus,
  TargetPod,
  TargetsPreview,
} from "../../api/hub.ts";
import { counted } from "../model/format.ts";

const NAMES: Readonly<Record<Mesh, string>> = {
  istio: "Istio",
  linkerd: "Linkerd",
};

/** Without `--mesh`. */
const NOT_ENTERED = "What its proxy and its application say to each other is " +
  "not captured";

/**
 * A sentence, where something is not heard.
 *
 * @param mesh what is in force
 * @param preview what is, or would be, captured
 */
export function meshNote(
  mesh: MeshStatus | undefined,
  preview: TargetsPreview | undefined,
): unknown {
  if (!mesh || !preview) return nothing;
  if (!mesh.isEntered && preview.meshed > 0) {
    return html`
      <p class="warn">${counted(preview.meshed, "pod")} with a service mesh's
        proxy: what it and the application say to each other is not captured,
        and between pods it may be encrypted. <code>thresher tap --mesh</code>
        captures it.</p>
    `;
  }
  if (!mesh.isEntered || mesh.unheard === 0) return nothing;
  return html`
    <p class="warn">${counted(mesh.unheard, "pod")} of a service mesh cannot be
      heard inside.</p>
  `;
}

/** What the table says of a pod of a mesh. */
export function meshMark(
  { namespace, name, mesh: kind }: TargetPod,
  mesh: MeshStatus | undefined,
): unknown {
  if (!kind) return nothing;
  if (mesh && !mesh.isEntered) {
    return html`<span class="warn" title=${NOT_ENTERED}>${NAMES[kind]}</span>`;
  }
  const unheard = mesh?.first.find((one) =>
    one.namespace === namespace && one.pod === name
  );
  if (!unheard) {
    return html`<span class="muted" title="It is heard inside, too">${
      NAMES[kind]
    }</span>`;
  }
  return html`<span class="warn">${NAMES[kind]}, not heard inside: ${
    unheard.reason ?? "unknown"
  }</span>`;
}
