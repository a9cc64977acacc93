/**
 * Real captures beside the repository: not part of it, and read where they lie.
 */
import { type Outcome, Packet } from "../../packet/packet.ts";
import { Decoder } from "../../packet/decode.ts";
import { FrameBatch } from "../../packet/frame.ts";
import { SavefileReader } from "../../packet/savefile.ts";

const FOLDER = new URL("../../../shared/captures/", import.meta.url);

/** Their paths in the folder, such as `dns/mx.pcap`; none where it is absent. */
export const captures: readonly string[] = list();

/** Whether there is anything to compare with. */
export const hasCaptures = captures.length > 0;

function list(): string[] {
  let groups;
  try {
    groups = [...Deno.readDirSync(FOLDER)];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("ignore: ../shared/captures is not there");
    return [];
  }
  return groups.filter(({ name, isDirectory }) =>
    isDirectory && name !== "truth"
  ).flatMap(({ name }) =>
    [...Deno.readDirSync(new URL(`${name}/`, FOLDER))].map((file) =>
      `${name}/${file.name}`
    )
  ).sort();
}

/** Where a capture lies. */
export function pathOf(capture: string): string {
  return decodeURIComponent(new URL(capture, FOLDER).pathname);
}

/** What tshark made of a capture, as JSON. */
export function truthOf(capture: string): unknown {
  const name = `truth/${capture.replace("/", "__")}.json`;
  return JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER)));
}

/** One frame of a capture, decoded; `packet` holds only until the next. */
export interface DecodedFrame {
  readonly batch: FrameBatch;
  readonly row: number;
  readonly outcome: Outcome;
  readonly packet: Packet;
}

/** Decodes a whole capture, and says of what damage it ended. */
export function decodeCapture(
  capture: string,
  visit: (frame: DecodedFrame) => void,
): string | undefined {
  using file = Deno.openSync(pathOf(capture));
  const reader = new SavefileReader({ read: (into) => file.readSync(into) });
  const batch = new FrameBatch(512);
  const decoder = new Decoder();
  const packet = new Packet();
  let place = 0;
  while (reader.next(batch)) {
    for (let row = 0; row < batch.count; row++) {
      const outcome = decoder.decode(
        batch.bytes,
        batch.start[row]!,
        batch.captured[row]!,
        batch.original[row]!,
        reader.interfaces[batch.interface[row]!]!.linkType,
        batch.time[row]!,
        place++,
        packet,
      );
      visit({ batch, row, outcome, packet });
    }
  }
  return reader.damage;
}
