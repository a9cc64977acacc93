/** Pods by their processes. */
import { deepEqual, equal } from "node:assert/strict";
import {
  findNetworks,
  podOf,
  PROC,
  type Processes,
} from "../../../worker/capture/pod_processes.ts";

const UID = "1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9";
const SLICE = UID.replaceAll("-", "_");
const OTHER = "0a0a0a0a-5f60-4718-8293-a4b5c6d7e8f9";
const CONTAINER =
  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const STATIC = "4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d";

/** As nodes of these kinds have it in `/proc/PID/cgroup`. */
const CGROUPS: readonly [string, string, string | undefined][] = [
  [
    "version 2, systemd, containerd",
    `0::/kubepods.slice/kubepods-burstable.slice/` +
    `kubepods-burstable-pod${SLICE}.slice/cri-containerd-${CONTAINER}.scope\n`,
    UID,
  ],
  [
    "version 2, systemd, CRI-O, guaranteed",
    `0::/kubepods.slice/kubepods-pod${SLICE}.slice/crio-${CONTAINER}.scope\n`,
    UID,
  ],
  [
    "version 2, systemd, CRI-O, a container's own",
    `0::/kubepods.slice/kubepods-besteffort.slice/` +
    `kubepods-besteffort-pod${SLICE}.slice/crio-${CONTAINER}.scope/container\n`,
    UID,
  ],
  [
    "version 2, cgroupfs",
    `0::/kubepods/burstable/pod${UID}/${CONTAINER}\n`,
    UID,
  ],
  [
    "version 2, seen from a cgroup namespace",
    `0::/../../kubepods-burstable-pod${SLICE}.slice/` +
    `cri-containerd-${CONTAINER}.scope\n`,
    UID,
  ],
  [
    "version 2, the pod itself",
    `0::/kubepods/besteffort/pod${UID}\n`,
    UID,
  ],
  [
    "version 1, cgroupfs, Docker",
    `12:pids:/kubepods/besteffort/pod${UID}/${CONTAINER}\n` +
    `1:name=systemd:/kubepods/besteffort/pod${UID}/${CONTAINER}\n`,
    UID,
  ],
  [
    "version 1, systemd, containerd without its own slices",
    `11:memory:/system.slice/containerd.service/` +
    `kubepods-burstable-pod${SLICE}.slice:cri-containerd:${CONTAINER}\n`,
    UID,
  ],
  [
    "version 1 beside version 2",
    `1:name=systemd:/\n0::/kubepods.slice/kubepods-pod${SLICE}.slice/x.scope\n`,
    UID,
  ],
  [
    "kind, whose node is a container of a pod",
    `0::/kubepods/pod${OTHER}/${CONTAINER}/kubelet.slice/` +
    `kubelet-kubepods.slice/kubelet-kubepods-pod${SLICE}.slice/` +
    `cri-containerd-${CONTAINER}.scope\n`,
    UID,
  ],
  [
    "a static pod",
    `0::/kubepods/burstable/pod${STATIC}/${CONTAINER}\n`,
    STATIC,
  ],
  ["a service", "0::/system.slice/kubelet.service\n", undefined],
  ["a user", "0::/user.slice/user-0.slice/session-1.scope\n", undefined],
  ["podman", `0::/machine.slice/libpod-${CONTAINER}.scope\n`, undefined],
  ["what is only alike", `0::/kubepods/pod${UID}0/x\n`, undefined],
  ["a name made up", `0::/tripod${UID}/x\n`, undefined],
  ["nothing", "", undefined],
];

for (const [name, cgroup, uid] of CGROUPS) {
  Deno.test(`the pod of a process: ${name}`, () => {
    equal(podOf(cgroup), uid);
  });
}

/** Processes by number: their pod and network. */
function tableOf(
  rows: { readonly [pid: number]: readonly [uid: string, network?: string] },
): Processes {
  return {
    list: () => Object.keys(rows).map(Number),
    cgroup: (pid) => `0::/kubepods/pod${rows[pid]![0]}/${CONTAINER}\n`,
    own: () => "net:[2]",
    network: (pid) => {
      if (rows[pid]![1] === "denied") {
        throw new Deno.errors.PermissionDenied("no");
      }
      return rows[pid]![1];
    },
  };
}

Deno.test("a pod's network is that of its oldest process that lives", () => {
  const processes = tableOf({
    1: ["", "net:[1]"],
    20: [UID], // it has just ended
    30: [UID, "net:[7]"],
    40: [UID, "net:[8]"],
    50: [OTHER, "net:[9]"],
  });
  deepEqual(
    findNetworks([UID, OTHER, STATIC], processes),
    new Map<string, unknown>([
      [UID, { pid: 30, network: "net:[7]" }],
      [OTHER, { pid: 50, network: "net:[9]" }],
      [STATIC, "no process"],
    ]),
  );
});

Deno.test("a pod that uses its node's network has none of its own", () => {
  const processes = tableOf({ 1: ["", "net:[1]"], 20: [UID, "net:[1]"] });
  equal(findNetworks([UID], processes).get(UID), "node's network");
  const ours = tableOf({ 1: ["", "denied"], 20: [UID, "net:[2]"] });
  equal(findNetworks([UID], ours).get(UID), "node's network");
});

Deno.test("what may not be looked at is told from what is not there", () => {
  const processes = tableOf({ 1: ["", "denied"], 20: [UID, "denied"] });
  equal(findNetworks([UID], processes).get(UID), "denied");
});

Deno.test({
  name: "this process is found, and no pod among those there are",
  ignore: Deno.build.os !== "linux",
  fn() {
    const processes = PROC.list();
    equal(processes.includes(Deno.pid), true);
    deepEqual(processes, processes.toSorted((a, b) => a - b));
    equal(PROC.network(Deno.pid), Deno.readLinkSync("/proc/self/ns/net"));
    equal(PROC.cgroup(2 ** 30), undefined);
    equal(PROC.network(2 ** 30), undefined);
    equal(findNetworks([UID], PROC).get(UID), "no process");
  },
});
