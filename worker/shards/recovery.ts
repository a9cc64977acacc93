/**
 * Recovery: what a process that died left behind is made whole again, or said
 * to be lost.
 *
 * A write is whole records, so a torn one can only be the last. What can be
 * computed again is; what cannot is left out and named.
 */
import { PCAP_HEADER } from "../../packet/savefile.ts";
import { Damaged } from "./encoding.ts";
import { appendFacts, encodeFact, Facts } from "./facts.ts";
import {
  DiskFull,
  type Folder,
  isUnfinished,
  readWhole,
  type StoredFile,
} from "./folder.ts";
import { MessageTable } from "./message_table.ts";
import { isShardPcap, PcapFile } from "./pcap_file.ts";
import { listShards, parseName, PARTS, toName } from "./shard.ts";
import { SidecarBuilder } from "./sidecar.ts";
import { checkSidecar, MAX_SIDECAR } from "./sidecar_header.ts";

/** What recovery did and found, each with the shard's number. */
export interface RecoveryReport {
  /** Shards in the folder. */
  readonly shards: number;
  /** Bytes at the end of a PCAP that were no whole record. */
  readonly cut: readonly { shard: number; bytes: number }[];
  /** Sidecars built again, and why. */
  readonly rebuilt: readonly { shard: number; why: string }[];
  /** Facts that could not be read to their end: the rest is lost. */
  readonly facts: readonly { shard: number; why: string }[];
  /** Message tables that were thrown away. */
  readonly tables: readonly { shard: number; why: string }[];
  /** PCAPs in which nothing can be read; they are left for retention. */
  readonly unreadable: readonly number[];
  /** Files that were removed, for they belonged to nothing. */
  readonly removed: readonly string[];
}

/** Whether everything was found as it should be. */
export function isClean(report: RecoveryReport): boolean {
  return report.cut.length === 0 && report.rebuilt.length === 0 &&
    report.facts.length === 0 && report.tables.length === 0 &&
    report.unreadable.length === 0 && report.removed.length === 0;
}

/** The same while it is made. */
type Findings = {
  -readonly [K in keyof RecoveryReport]: RecoveryReport[K] extends
    readonly (infer T)[] ? T[] : RecoveryReport[K];
};

/**
 * Makes a folder whole. Only its writer may, before it begins. What a full
 * disk prevents is left to the next time.
 *
 * @param wasKilled whether its last writer did not end by itself: the shards
 *   that it had open then say so
 */
export function recover(
  folder: Folder,
  wasKilled: boolean = false,
): RecoveryReport {
  const findings: Findings = {
    shards: 0,
    cut: [],
    rebuilt: [],
    facts: [],
    tables: [],
    unreadable: [],
    removed: removeStrays(folder),
  };
  for (const shard of listShards(folder)) {
    const pcap = folder.open(toName(shard, "pcap"), "append");
    if (!pcap) continue;
    const wasOpen = wasKilled && !has(folder, toName(shard, "idx"));
    recoverShard(folder, shard, pcap, wasOpen, findings);
    pcap.close();
  }
  return findings;
}

function recoverShard(
  folder: Folder,
  shard: number,
  pcap: StoredFile,
  wasOpen: boolean,
  findings: Findings,
): void {
  const useless = whyUseless(folder, shard, pcap.size());
  const isReadable = isShardPcap(pcap);
  const built = isReadable && useless ? buildSidecar(pcap) : undefined;
  const torn = built ? pcap.size() - built.whole : 0;
  if (torn > 0) {
    pcap.truncate(pcap.size() - torn);
    findings.cut.push({ shard, bytes: torn });
  }
  // There is at most a header: the process died before the first packet.
  if (pcap.size() <= PCAP_HEADER) {
    findings.removed.push(...removeShard(folder, shard));
    return;
  }
  findings.shards++;
  if (!isReadable) findings.unreadable.push(shard);
  const facts = recoverFacts(folder, shard);
  if (facts) findings.facts.push({ shard, why: facts });
  const table = recoverTable(folder, shard);
  if (table) findings.tables.push({ shard, why: table });
  if (torn > 0 || wasOpen) noteTorn(folder, shard, torn);
  if (built && useless) {
    const name = toName(shard, "idx");
    if (unlessFull(() => folder.replace(name, built.sidecar))) {
      findings.rebuilt.push({ shard, why: useless });
    }
  }
}

function has(folder: Folder, name: string): boolean {
  const file = folder.open(name, "read");
  file?.close();
  return file !== undefined;
}

function noteTorn(folder: Folder, shard: number, bytes: number): void {
  const fact = encodeFact({ kind: "torn", bytes });
  unlessFull(() => appendFacts(folder, toName(shard, "facts"), fact));
}

/**
 * Builds a sidecar from a PCAP.
 *
 * @param pcap for which `isShardPcap` holds
 * @returns the sidecar and how many bytes of the PCAP it speaks of: fewer than
 *   there are if the rest is no whole record
 */
export function buildSidecar(
  pcap: StoredFile,
): { sidecar: Uint8Array; whole: number } {
  const reader = new PcapFile(pcap);
  const builder = new SidecarBuilder(reader.linkType);
  while (reader.next()) {
    builder.add(reader.batch, reader.interfaces, 0, reader.batch.count);
  }
  return { sidecar: builder.finish(), whole: reader.position };
}

/** Removes what was never finished, and what has lost its PCAP. */
function removeStrays(folder: Folder): string[] {
  const shards = new Set(listShards(folder));
  const removed: string[] = [];
  for (const name of folder.names()) {
    const found = parseName(name);
    const isOrphan = found !== undefined && !shards.has(found.shard);
    if (!isOrphan && !isUnfinished(name)) continue;
    folder.remove(name);
    removed.push(name);
  }
  return removed;
}

function removeShard(folder: Folder, shard: number): string[] {
  const names = new Set(folder.names());
  const removed = PARTS.map((part) => toName(shard, part))
    .filter((name) => names.has(name));
  for (const name of removed) folder.remove(name);
  return removed;
}

/** Does what a full disk may prevent, and says whether it did not. */
export function unlessFull(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if (error instanceof DiskFull) return false;
    throw error;
  }
}

/** Why a sidecar cannot be used, or `undefined` if it can. */
function whyUseless(
  folder: Folder,
  shard: number,
  pcapBytes: number,
): string | undefined {
  const file = folder.open(toName(shard, "idx"), "read");
  if (!file) return "It was missing";
  try {
    const bytes = readWhole(file, MAX_SIDECAR);
    if (!bytes) return "It was too long";
    const covered = checkSidecar(bytes).pcapBytes;
    return covered === pcapBytes
      ? undefined
      : `It was made for ${covered} bytes of packets, there were ${pcapBytes}`;
  } catch (error) {
    if (error instanceof Damaged) return error.message;
    throw error;
  } finally {
    file.close();
  }
}

/** Cuts facts to what can be read, so that more can be appended. */
function recoverFacts(folder: Folder, shard: number): string | undefined {
  const name = toName(shard, "facts");
  const file = folder.open(name, "append");
  if (!file) return undefined;
  const { damage, end } = Facts.read(file);
  if (damage !== undefined && end > 0) file.truncate(end);
  file.close();
  if (damage !== undefined && end === 0) folder.remove(name);
  return damage;
}

function recoverTable(folder: Folder, shard: number): string | undefined {
  const name = toName(shard, "msg");
  const file = folder.open(name, "read");
  if (!file) return undefined;
  try {
    MessageTable.open(file);
    return undefined;
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    folder.remove(name);
    return error.message;
  } finally {
    file.close();
  }
}
