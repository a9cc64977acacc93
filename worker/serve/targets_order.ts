/** Orders of whose packets to capture, as they came over a socket. */
import {
  MAX_TARGET_ENDS,
  type TargetEnd,
  type TargetsOrder,
} from "../../api/worker.ts";
import { parseAddress } from "../../kfl/address.ts";
import { Refused } from "../../net/failure.ts";

/** Characters of a revision. */
const MAX_REVISION = 256;

/** Ports that one end may name. */
const MAX_PORTS = 1024;

/** @throws Refused if it is none */
export function toTargetsOrder(value: Record<string, unknown>): TargetsOrder {
  const { revision, all, ends } = value;
  if (typeof revision !== "string" || revision.length > MAX_REVISION) {
    throw new Refused("message", '"revision" must be a short text');
  }
  if (all === true && ends === undefined) return { revision, all };
  if (all !== undefined && all !== false || !Array.isArray(ends)) {
    throw new Refused("message", 'Say either "all": true, or "ends"');
  }
  if (ends.length > MAX_TARGET_ENDS) {
    throw new Refused("message", `"ends" may name ${MAX_TARGET_ENDS} at most`);
  }
  return { revision, ends: ends.map(toEnd) };
}

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
