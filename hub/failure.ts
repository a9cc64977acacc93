/** What the hub's routes refuse. */
export { type RefusalCode, Refused, STATUS } from "../net/failure.ts";
