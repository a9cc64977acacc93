/** Options of the commands that capture this machine's packets. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { toSize } from "./arguments.ts";

/**
 * Adds what is captured and what is kept of it.
 *
 * @param conflicts names of options with which nothing is captured
 */
export function addCapture(
  command: Command,
  conflicts: readonly string[] = [],
): Command {
  const options = [
    new Option(
      "-i, --interface <name...>",
      "capture on these interfaces, also when they come later again; " +
        "all by default",
    ),
    new Option(
      "--bpf <expression>",
      "capture only what this pcap-filter(7) expression accepts",
    ),
    new Option("--data-dir <folder>", "where packets are kept"),
    new Option(
      "--storage-limit <size>",
      "bytes that the data folder, or each node, may keep, such as 2GB",
    ).argParser(toSize),
    new Option(
      "--store <what>",
      "all: every packet, whole; dissectable: of what no protocol is known " +
        "for, headers alone",
    ).choices(["all", "dissectable"]).default("dissectable"),
    new Option(
      "--ring-size <size>",
      "memory for packets that are not stored yet",
    ).argParser(toRingSize),
  ];
  for (const option of options) {
    command.addOption(option.conflicts([...conflicts]));
  }
  return command;
}

/** Sizes of rings that make sense: 2 MiB to 1 GiB, as `RING_SIZE` has them. */
function toRingSize(text: string): number {
  const size = toSize(text);
  if (size >= 2 * 2 ** 20 && size <= 2 ** 30) return size;
  throw new InvalidArgumentError("It must be from 2MiB to 1GiB.");
}
