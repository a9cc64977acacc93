/** Orders of whose packets to capture, as they came over a socket. */
import {
  MAX_POD_NETWORKS,
  MAX_TARGET_ENDS,
  type PodNetwork,
  type TargetEnd,
  type TargetsOrder,
} from "../../api/worker.ts";
import { parseAddress } from "../../kfl/address.ts";
import { Refused } from "../../net/failure.ts";

/** Characters of a revision. */
const MAX_REVISION = 256;

/** Ports that one end may name. */
const MAX_PORTS = 1024;

/** Characters of a pod's name, its namespace or its uid (RFC 1123). */
const MAX_NAME = 253;

/** Addresses of one pod. */
const MAX_IPS = 16;

/** @throws Refused if it is none */
export function toTargetsOrder(value: Record<string, unknown>): TargetsOrder {
  const { revision, all, ends, networks } = value;
  if (typeof revision !== "string" || revision.length > MAX_REVISION) {
    throw new Refused("message", '"revision" must be a short text');
  }
  const common = {
    revision,
    ...(networks !== undefined && { networks: toNetworks(networks) }),
  };
  if (all === true && ends === undefined) return { ...common, all };
  if (all !== undefined && all !== false || !Array.isArray(ends)) {
    throw new Refused("message", 'Say either "all": true, or "ends"');
  }
  if (ends.length > MAX_TARGET_ENDS) {
    throw new Refused("message", `"ends" may name ${MAX_TARGET_ENDS} at most`);
  }
  return { ...common, ends: ends.map(toEnd) };
}

/** @throws Refused */
function toNetworks(value: unknown): PodNetwork[] {
  if (Array.isArray(value) && value.length <= MAX_POD_NETWORKS) {
    return value.map(toNetwork);
  }
  throw new Refused(
    "message",
    `"networks" must be a list of up to ${MAX_POD_NETWORKS}`,
  );
}

/** @throws Refused */
function toNetwork(value: unknown): PodNetwork {
  const { uid, namespace, pod, ips } = Object(value) as Record<string, unknown>;
  const areSound = Array.isArray(ips) && ips.length <= MAX_IPS &&
    ips.every((ip) => typeof ip === "string" && parseAddress(ip));
  if (isName(uid) && isName(namespace) && isName(pod) && areSound) {
    return { uid, namespace, pod, ips };
  }
  throw new Refused(
    "message",
    'A network has "uid", "namespace", "pod" and the pod\'s "ips"',
  );
}

const isName = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && value.length <= MAX_NAME;

/** @throws Refused */
function toEnd(value: unknown): TargetEnd {
  const { ip, ports } = Object(value) as Record<string, unknown>;
  if (typeof ip !== "string" || !parseAddress(ip)) {
    throw new Refused("message", `An end's "ip" must be an address`);
  }
  if (ports === undefined || ports === null) return { ip };
  const areSound = Array.isArray(ports) && ports.length <= MAX_PORTS &&
    ports.every((port) => Number.isInteger(port) && port > 0 && port < 65536);
  if (!areSound) {
    throw new Refused("message", `An end's "ports" must be up to ${MAX_PORTS}`);
  }
  return { ip, ports };
}
