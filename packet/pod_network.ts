/**
 * Networks of pods, as frames name them.
 *
 * Every pod has an interface 1 called `lo` with the same addresses as all
 * others. So what is captured in a pod's own network gets an interface of ours
 * in its cooked header (SLL2), which tells which one: its highest bit is set,
 * as in no index that Linux gives out, and its lowest 16 are the network's
 * number. Packets then need nothing beside them to be told apart, in any PCAP.
 */

/** The bit of an interface's index that says that it is a pod's. */
const IS_POD = 0x8000_0000;

/** The greatest number of a network; the least is 1. */
export const MAX_NETWORK = 0xffff;

/** The interface by which frames of a network are known. */
export function toInterface(network: number): number {
  return IS_POD + network;
}

/** The network that an interface stands for; 0 for one of the node's own. */
export function networkOf(interfaceIndex: number): number {
  return interfaceIndex >= IS_POD ? interfaceIndex & MAX_NETWORK : 0;
}
