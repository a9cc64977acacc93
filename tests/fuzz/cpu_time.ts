/** Processor time, for tests that something hostile does not take long. */
import { cpuUsage } from "node:process";

/**
 * Time that this process has worked, ms: unlike a clock, it does not go on
 * while others use the machine.
 */
export function cpuTime(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}
