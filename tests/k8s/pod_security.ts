/**
 * The Pod Security Standards, as far as a pod of ours could break them.
 *
 * Source: "Pod Security Standards", the controls of the levels baseline and
 * restricted, in the order in which they stand there.
 */

/** What of a pod's specification the standards look at. */
export interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly securityContext?: SecurityContext;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly [kind: string]: unknown }[];
  readonly automountServiceAccountToken?: boolean;
}

interface Container {
  readonly name: string;
  readonly ports?: readonly { readonly hostPort?: number }[];
  readonly securityContext?: SecurityContext;
}

interface SecurityContext {
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seccompProfile?: { readonly type: string };
  readonly capabilities?: {
    readonly add?: readonly string[];
    readonly drop?: readonly string[];
  };
}

/** Capabilities that baseline lets a container add. */
const BASELINE = new Set(
  ("AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE " +
    "SETFCAP SETGID SETPCAP SETUID SYS_CHROOT").split(" "),
);

/** Volumes that restricted allows. */
const VOLUMES = new Set(
  ("configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim " +
    "projected secret").split(" "),
);

/** What of a level a pod breaks; nothing if it passes. */
export function breaks(pod: PodSpec, level: "baseline" | "restricted") {
  const found: string[] = [];
  const check = (holds: boolean, what: string) => holds || found.push(what);
  const isRestricted = level === "restricted";
  const profile = pod.securityContext?.seccompProfile?.type;
  check(!pod.hostNetwork, "host network");
  check(!pod.hostPID, "host processes");
  check(!pod.hostIPC, "host IPC");
  for (const volume of pod.volumes ?? []) {
    const kind = Object.keys(volume).find((key) => key !== "name") ?? "";
    check(kind !== "hostPath", "host path");
    if (isRestricted) check(VOLUMES.has(kind), `volume ${kind}`);
  }
  for (const one of [...pod.containers, ...pod.initContainers ?? []]) {
    const own = one.securityContext ?? {};
    const seccomp = own.seccompProfile?.type ?? profile;
    const added = own.capabilities?.add ?? [];
    check(!own.privileged, "privileged");
    check(!one.ports?.some(({ hostPort }) => hostPort), "host port");
    check(added.every((name) => BASELINE.has(name)), `adds ${added}`);
    check(seccomp !== "Unconfined", "seccomp unconfined");
    if (!isRestricted) continue;
    const nonRoot = own.runAsNonRoot ?? pod.securityContext?.runAsNonRoot;
    const user = own.runAsUser ?? pod.securityContext?.runAsUser;
    check(own.allowPrivilegeEscalation === false, "privilege escalation");
    check(nonRoot === true, "may run as root");
    check(user !== 0, "runs as root");
    check(/^(RuntimeDefault|Localhost)$/.test(seccomp ?? ""), "no seccomp");
    check(own.capabilities?.drop?.includes("ALL") ?? false, "drops not ALL");
    check(
      added.every((name) => name === "NET_BIND_SERVICE"),
      `adds ${added} above baseline`,
    );
  }
  return found;
}
