/**
 * What is heard of a pod's loopback interface: all of it, once, but what the
 * proxies of service meshes say to themselves for their health and statistics.
 *
 * That is known by its port, and by both ends being loopback addresses: the
 * same port of another pod is somebody else's.
 */
import { LAYOUTS, WITH_PORTS } from "./targets.ts";
import { Assembler, type Label, OPERATION } from "./assembler.ts";
import { HARDWARE, LOOPBACK, OUTGOING, PACKET_TYPE } from "./filter.ts";

/**
 * Ports of proxies that carry nothing of an application: Istio's
 * administration, debugging, merged statistics, health, and Envoy's statistics;
 * Linkerd's inbound policy and administration.
 *
 * https://istio.io/latest/docs/ops/deployment/application-requirements/
 * https://linkerd.io/2/reference/proxy-configuration/
 */
export const NOISY_PORTS: readonly number[] = [
  ...[15000, 15004, 15020, 15021, 15090],
  ...[4190, 4191],
];

/** Bytes of the ports. */
const PORTS = 4;

/**
 * The program for a socket that hears a loopback interface alone.
 *
 * @param snapLength bytes that are kept of a packet
 * @param expression what `compileFilter` gave; it decides of all else
 */
export function toLoopbackFilter(
  snapLength: number,
  expression: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const program = new Assembler();
  const wanted = program.label();
  const refused = program.label();
  leaveOutOutgoing(program, refused);
  for (const layout of LAYOUTS) {
    const next = program.label();
    // A load behind a packet's end would end the program.
    program.add(OPERATION.LOAD_LENGTH);
    program.ifBelow(layout.transport + PORTS, wanted);
    program.add(OPERATION.SET_X, 0);
    program.add(OPERATION.LOAD_BYTE_AT_X, 0);
    // Options and extension headers are not worth a look.
    program.add(OPERATION.AND, layout.version === 4 ? 0xff : 0xf0);
    program.unlessEqual(layout.version === 4 ? 0x45 : 0x60, next);
    program.add(OPERATION.LOAD_BYTE_AT_X, layout.protocol);
    program.unlessEqual(WITH_PORTS.TCP, wanted);
    for (const address of [layout.src, layout.dst]) {
      unlessLoopback(program, layout.version, address, wanted);
    }
    for (const port of [layout.transport, layout.transport + 2]) {
      program.add(OPERATION.LOAD_HALF_AT_X, port);
      for (const noisy of NOISY_PORTS) program.ifEqual(noisy, refused);
    }
    program.go(wanted);
    program.place(next);
  }
  program.go(wanted);
  program.place(refused);
  program.give(0);
  program.place(wanted);
  if (expression.length === 0) program.give(snapLength);
  const own = program.encode();
  const all = new Uint8Array(own.length + expression.length);
  all.set(own);
  all.set(expression, own.length);
  return all;
}

/** What leaves by the interface comes in again. */
function leaveOutOutgoing(program: Assembler, refused: Label): void {
  const comesIn = program.label();
  program.add(OPERATION.LOAD, PACKET_TYPE);
  program.unlessEqual(OUTGOING, comesIn);
  program.add(OPERATION.LOAD, HARDWARE);
  program.ifEqual(LOOPBACK, refused);
  program.place(comesIn);
}

/** Jumps where an address is none of 127.0.0.0/8, or not ::1. */
function unlessLoopback(
  program: Assembler,
  version: 4 | 6,
  at: number,
  to: Label,
): void {
  if (version === 4) {
    program.add(OPERATION.LOAD_BYTE_AT_X, at);
    return program.unlessEqual(127, to);
  }
  for (const [i, word] of [0, 0, 0, 1].entries()) {
    program.add(OPERATION.LOAD_AT_X, at + 4 * i);
    program.unlessEqual(word, to);
  }
}
