/**
 * The last order of whose packets to capture, kept beside the packets: a worker
 * that is started again goes on with it, before a hub has found it.
 *
 * It holds for as long as the machine runs. After that, pods have other
 * addresses, and theirs may be somebody else's.
 */
import type { TargetsOrder } from "../../api/worker.ts";
import { DiskFolder, readWhole } from "../shards/folder.ts";
import { ORDER_NAME } from "../shards/guests.ts";

/** Another one each time the machine is started. */
const BOOT = "/proc/sys/kernel/random/boot_id";

/** Bytes of such a file: 10,000 ends, each with many ports. */
const MAX_SIZE = 16 * 1024 * 1024;

interface Kept {
  readonly boot: string | undefined;
  readonly order: TargetsOrder;
}

/**
 * Keeps an order in a data folder, in place of the one before.
 *
 * @throws DiskFull
 */
export function keepOrder(folder: string, order: TargetsOrder): void {
  const kept: Kept = { boot: bootId(), order };
  const bytes = new TextEncoder().encode(JSON.stringify(kept));
  DiskFolder.at(folder).replace(ORDER_NAME, bytes);
}

/** The order that was kept, if there is one and it still holds. */
export function readKeptOrder(folder: string): TargetsOrder | undefined {
  let text: string;
  try {
    const file = DiskFolder.at(folder).open(ORDER_NAME, "read");
    if (!file) return undefined;
    try {
      text = new TextDecoder().decode(readWhole(file, MAX_SIZE));
    } finally {
      file.close();
    }
    const { boot, order }: Kept = JSON.parse(text);
    return boot !== undefined && boot === bootId() ? order : undefined;
  } catch (error) {
    // Nobody else writes there: a torn one is as good as none.
    if (error instanceof SyntaxError || error instanceof Deno.errors.NotFound) {
      return undefined;
    }
    throw error;
  }
}

function bootId(): string | undefined {
  try {
    return Deno.readTextFileSync(BOOT).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}
