/**
 * What a sidecar begins with: its version, the zone map of the whole shard,
 * how long its sections are, and the checksums of the rest and of itself.
 */
import { ByteReader, ByteWriter, Damaged, toChecksum } from "./encoding.ts";

/** Bytes of the header. */
export const SIDECAR_HEADER = 80;

/**
 * Changes whenever the same PCAP would give other bytes, be it for the format
 * or for how frames are decoded and flows are told apart: files of another
 * version are built anew.
 */
const VERSION = 2;

/** `THRSHIDX`, read as two little endian words. */
const MAGIC = [0x53524854, 0x58444948] as const;

/** Bytes of a sidecar that is read: 64 MiB of frames without a byte in them. */
export const MAX_SIDECAR = 64 * 1024 * 1024;

/** What a header says: the zone map of a whole shard. */
export interface SidecarHeader {
  readonly linkType: number;
  readonly packets: number;
  readonly flows: number;
  /** Bytes of the PCAP that it was built from. */
  readonly pcapBytes: number;
  /** Least and greatest time, µs since 1970; no packets, no range. */
  readonly first: number;
  readonly last: number;
  /** Bits of `KIND`. */
  readonly kinds: number;
}

/** The whole header. */
export interface Layout extends SidecarHeader {
  readonly addresses: number;
  readonly blocks: number;
  readonly mapBytes: number;
  readonly addressBytes: number;
  readonly flowBytes: number;
  readonly blockBytes: number;
  readonly bodyChecksum: number;
}

/**
 * Reads a header alone, from the first {@link SIDECAR_HEADER} bytes.
 *
 * @throws Damaged also if it is of another version
 */
export function decodeHeader(bytes: Uint8Array): SidecarHeader {
  return decodeLayout(bytes);
}

/**
 * Checks that a file's bytes are those that were written.
 *
 * @throws Damaged also if it is of another version
 */
export function checkSidecar(bytes: Uint8Array): Layout {
  const layout = decodeLayout(bytes);
  const body = bytes.subarray(SIDECAR_HEADER);
  const size = layout.mapBytes + layout.addressBytes + layout.flowBytes +
    layout.blockBytes;
  if (size !== body.length) {
    throw new Damaged(`${body.length} bytes where ${size} were written`);
  }
  if (toChecksum(body) !== layout.bodyChecksum) {
    throw new Damaged("The checksum differs");
  }
  return layout;
}

/** The header's bytes. */
export function encodeHeader(layout: Layout): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(MAGIC[0]);
  writer.u32(MAGIC[1]);
  writer.u16(VERSION);
  writer.u16(layout.linkType);
  writer.u32(layout.packets);
  writer.f64(layout.pcapBytes);
  writer.f64(layout.first);
  writer.f64(layout.last);
  writer.u32(layout.kinds);
  writer.u32(layout.flows);
  writer.u32(layout.addresses);
  writer.u32(layout.blocks);
  writer.u32(layout.mapBytes);
  writer.u32(layout.addressBytes);
  writer.u32(layout.flowBytes);
  writer.u32(layout.blockBytes);
  writer.u32(layout.bodyChecksum);
  writer.u32(toChecksum(writer.bytes));
  return writer.bytes;
}

function decodeLayout(bytes: Uint8Array): Layout {
  if (bytes.length < SIDECAR_HEADER) throw new Damaged("It is cut short");
  const reader = new ByteReader(bytes, 0, SIDECAR_HEADER);
  if (reader.u32() !== MAGIC[0] || reader.u32() !== MAGIC[1]) {
    throw new Damaged("It is no sidecar");
  }
  const version = reader.u16();
  if (version !== VERSION) throw new Damaged(`It has version ${version}`);
  const layout: Layout = {
    linkType: reader.u16(),
    packets: reader.u32(),
    pcapBytes: reader.f64(),
    first: reader.f64(),
    last: reader.f64(),
    kinds: reader.u32(),
    flows: reader.u32(),
    addresses: reader.u32(),
    blocks: reader.u32(),
    mapBytes: reader.u32(),
    addressBytes: reader.u32(),
    flowBytes: reader.u32(),
    blockBytes: reader.u32(),
    bodyChecksum: reader.u32(),
  };
  const checked = bytes.subarray(0, SIDECAR_HEADER - 4);
  if (reader.u32() !== toChecksum(checked)) {
    throw new Damaged("The header's checksum differs");
  }
  return layout;
}
