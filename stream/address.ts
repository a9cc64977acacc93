/** Addresses as text for dissectors, which do not know packets. */
export { toAddress } from "../packet/packet.ts";
