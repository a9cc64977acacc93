/** Makes a long capture of a short one. */

/** Sizes in a classic PCAP file: its header, and that of each record. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** Read at once; no record is larger. */
const CHUNK = 1 << 24;

/**
 * Repeats a capture, each copy beginning a second after the one before ended.
 *
 * @param source a classic PCAP, little-endian, as tcpdump writes it here
 */
export async function concatenate(
  source: string,
  target: string,
  copies: number,
): Promise<void> {
  using input = await Deno.open(source);
  using output = await Deno.open(target, { write: true, create: true });
  const seconds = await duration(input) + 1;
  for (let copy = 0; copy < copies; copy++) {
    await copyRecords(input, output, copy === 0, copy * seconds);
  }
}

/** Whole seconds from the first record to the last. */
async function duration(input: Deno.FsFile): Promise<number> {
  let first = Infinity;
  let last = -Infinity;
  for await (const chunk of chunksOf(input)) {
    for (const header of headersIn(chunk)) {
      const time = header.getUint32(0, true);
      first = Math.min(first, time);
      last = Math.max(last, time);
    }
  }
  return last - first + 1;
}

async function copyRecords(
  input: Deno.FsFile,
  output: Deno.FsFile,
  withFileHeader: boolean,
  later: number,
): Promise<void> {
  if (withFileHeader) {
    const header = new Uint8Array(FILE_HEADER);
    await input.seek(0, Deno.SeekMode.Start);
    await input.read(header);
    await writeAll(output, header);
  }
  for await (const chunk of chunksOf(input)) {
    for (const header of headersIn(chunk)) {
      header.setUint32(0, header.getUint32(0, true) + later, true);
    }
    await writeAll(output, chunk);
  }
}

/** The file's records, many whole ones at a time; valid until the next. */
async function* chunksOf(input: Deno.FsFile): AsyncIterable<Uint8Array> {
  await input.seek(FILE_HEADER, Deno.SeekMode.Start);
  const buffer = new Uint8Array(CHUNK);
  let filled = 0;
  while (true) {
    const size = await input.read(buffer.subarray(filled));
    if (size === null) break;
    filled += size;
    let end = 0;
    for (const header of headersIn(buffer.subarray(0, filled))) {
      end = header.byteOffset + RECORD_HEADER + header.getUint32(8, true);
    }
    yield buffer.subarray(0, end);
    buffer.copyWithin(0, end, filled);
    filled -= end;
  }
  if (filled > 0) throw new Error(`The capture ends inside a record`);
}

/** The headers of the records that lie whole in `chunk`. */
function* headersIn(chunk: Uint8Array): Iterable<DataView> {
  let at = 0;
  while (at + RECORD_HEADER <= chunk.length) {
    const header = new DataView(
      chunk.buffer,
      chunk.byteOffset + at,
      RECORD_HEADER,
    );
    at += RECORD_HEADER + header.getUint32(8, true);
    if (at <= chunk.length) yield header;
  }
}

async function writeAll(
  output: Deno.FsFile,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await output.write(bytes.subarray(at));
  }
}
