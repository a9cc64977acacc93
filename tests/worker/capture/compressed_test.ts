import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Damage } from "../../../packet/format.ts";
import { type ByteSource, ofBytes } from "../../../packet/savefile.ts";
import { unpacked } from "../../../worker/capture/compressed.ts";
import { HTTP, Scratch } from "../../cli/scratch.ts";
import { shell, thresher } from "../../cli/program.ts";
import { concat, Random } from "../../fuzz/random.ts";

/** What can be had of a source, in reads of that size, and what ended it. */
function readAll(
  source: ByteSource,
  size = 1000,
): { bytes: Uint8Array; damage?: string } {
  const parts: Uint8Array[] = [];
  try {
    while (true) {
      const into = new Uint8Array(size);
      const read = source.read(into);
      if (read === null) return { bytes: concat(...parts) };
      parts.push(into.subarray(0, read));
    }
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return { bytes: concat(...parts), damage: error.message };
  }
}

/** Half of it can be compressed. */
function sample(): Uint8Array {
  const random = new Random(1);
  return concat(
    ...Array.from(
      { length: 40 },
      () => concat(random.bytes(2000), new Uint8Array(2000)),
    ),
  );
}

const plain = sample();
const half = plain.length / 2;

for (
  const [name, bytes] of Object.entries({
    "plain bytes": plain,
    gzip: gzipSync(plain),
    "gzip of two members": concat(
      gzipSync(plain.subarray(0, half)),
      gzipSync(plain.subarray(half)),
    ),
    zstd: zstdCompressSync(plain),
  })
) {
  Deno.test(`${name} is read as what it was, in pieces of any size`, () => {
    for (const size of [7, 999, 65_536, 1_000_000]) {
      const source = unpacked(ofBytes(bytes));
      deepEqual(readAll(source, size), { bytes: plain });
    }
  });
}

Deno.test("sources that give a byte at a time are recognized", () => {
  const packed = ofBytes(gzipSync(plain));
  const source = unpacked({ read: (into) => packed.read(into.subarray(0, 1)) });
  deepEqual(readAll(source), { bytes: plain });
});

Deno.test("a source that is shorter than any compression's mark is plain", () => {
  for (
    const bytes of [new Uint8Array(0), Uint8Array.of(1), plain.subarray(0, 3)]
  ) {
    deepEqual(readAll(unpacked(ofBytes(bytes))), { bytes: bytes.slice() });
  }
});

Deno.test("of gzip that is cut off the beginning is given", () => {
  const packed = gzipSync(plain);
  for (let size = 10; size < packed.length; size += 997) {
    const cut = packed.subarray(0, size);
    const { bytes, damage } = readAll(unpacked(ofBytes(cut)));
    deepEqual(bytes, plain.subarray(0, bytes.length));
    equal(damage, `gzip that is cut off at byte ${size}`);
    // Deflate holds no more back than a block of its own.
    ok(bytes.length > size - 70_000, `${bytes.length} of ${size}`);
  }
});

Deno.test("of gzip that is damaged nothing after the damage is given", () => {
  const random = new Random(2);
  for (let n = 0; n < 50; n++) {
    const { bytes, damage } = readAll(
      unpacked(ofBytes(random.mutate(gzipSync(plain)))),
    );
    ok(damage === undefined || /^gzip that is (cut off|damaged)/.test(damage));
    if (damage === undefined) continue;
    ok(bytes.length <= 2 * plain.length);
  }
});

Deno.test("what a few bytes become without end is damage, and not memory", () => {
  const bomb = zstdCompressSync(new Uint8Array(100_000_000));
  const source = unpacked(ofBytes(bomb));
  throws(() => {
    while (source.read(new Uint8Array(65_536)) !== null);
  }, Damage);
});

/** The real capture, compressed. */
function files(): Record<string, Uint8Array> {
  const pcap = Deno.readFileSync(HTTP);
  const packed = gzipSync(pcap);
  return {
    "x.pcap": pcap,
    "x.pcap.gz": packed,
    "x.pcap.zst": zstdCompressSync(pcap),
    "cut.pcap.gz": packed.subarray(0, packed.length - 100),
  };
}

Deno.test("query reads compressed savefiles, from standard input too", async () => {
  using scratch = new Scratch(files());
  const { folder } = scratch;
  for (const name of ["x.pcap", "x.pcap.gz", "x.pcap.zst"]) {
    const { stdout } = await thresher(folder, [
      ...["query", "http", "--count"],
      ...["--pcap", name],
    ]);
    equal(stdout, "10\n", name);
  }
  const piped = await shell(
    folder,
    "cat x.pcap.gz | thresher query http --pcap - --count",
  );
  equal(piped.stdout, "10\n");
});

Deno.test("export reads a compressed savefile twice", async () => {
  using scratch = new Scratch(files());
  for (const name of ["x.pcap", "x.pcap.gz"]) {
    await thresher(scratch.folder, [
      ...["export", "http and request.path startsWith '/'"],
      ...["--pcap", name, "-o", `${name}.out`],
    ]);
  }
  deepEqual(
    Deno.readFileSync(scratch.path("x.pcap.gz.out")),
    Deno.readFileSync(scratch.path("x.pcap.out")),
  );
});

Deno.test("a compressed savefile that is cut off gives what comes before", async () => {
  using scratch = new Scratch(files());
  const { code, stdout, stderr } = await thresher(scratch.folder, [
    ...["query", "", "--count", "--pcap", "cut.pcap.gz"],
  ]);
  equal(code, 0);
  ok(Number(stdout) > 0);
  match(stderr, /cut\.pcap\.gz: damaged, gzip that is cut off at byte \d+/);
});
