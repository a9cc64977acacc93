/** The kernel's classic packet filter (`Documentation/networking/filter.rst`). */

/** A packet as the filter sees it: from its network header on. */
export interface Seen {
  readonly data: Uint8Array;
  readonly protocol?: number;
  readonly type?: number;
  readonly interface?: number;
  readonly hardware?: number;
}

/**
 * Runs a program as the kernel does; of operations those that we meet.
 *
 * @returns bytes of the packet that are let by
 */
export function run(program: Uint8Array, packet: Seen): number {
  const view = new DataView(program.buffer);
  const data = new DataView(packet.data.buffer);
  const beside = new Map([
    [0xffff_f000, packet.protocol ?? 0x0800],
    [0xffff_f004, packet.type ?? 0],
    [0xffff_f008, packet.interface ?? 2],
    [0xffff_f01c, packet.hardware ?? 1],
  ]);
  let [a, x] = [0, 0];
  const kept: number[] = [];
  for (let pc = 0;; pc++) {
    const at = pc * 8;
    const code = view.getUint16(at, true);
    const yes = view.getUint8(at + 2);
    const no = view.getUint8(at + 3);
    const k = view.getUint32(at + 4, true);
    const load = (offset: number, size: number) => {
      const known = beside.get(offset);
      if (known !== undefined) return known;
      if (offset + size > data.byteLength) return undefined;
      if (size === 1) return data.getUint8(offset);
      return size === 2 ? data.getUint16(offset) : data.getUint32(offset);
    };
    let loaded: number | undefined = 0;
    if (code === 0x20) loaded = a = load(k, 4)!;
    else if (code === 0x28) loaded = a = load(k, 2)!;
    else if (code === 0x30) loaded = a = load(k, 1)!;
    else if (code === 0x40) loaded = a = load(x + k, 4)!;
    else if (code === 0x48) loaded = a = load(x + k, 2)!;
    else if (code === 0x50) loaded = a = load(x + k, 1)!;
    else if (code === 0x80) a = packet.data.length;
    else if (code === 0x01) x = k;
    else if (code === 0x07) x = a;
    else if (code === 0x03) kept[k] = x;
    else if (code === 0x61) x = kept[k]!;
    else if (code === 0x0c) a = (a + x) >>> 0;
    else if (code === 0x64) a = (a << k) >>> 0;
    else if (code === 0x1c) a = (a - x) >>> 0;
    else if (code === 0x05) pc += k;
    else if (code === 0x25) pc += a > k ? yes : no;
    else if (code === 0x35) pc += a >= k ? yes : no;
    else if (code === 0xb1) loaded = x = (load(k, 1)! & 15) * 4;
    else if (code === 0x15) pc += a === k ? yes : no;
    else if (code === 0x45) pc += (a & k) !== 0 ? yes : no;
    else if (code === 0x54) a &= k;
    else if (code === 0x06) return k;
    else throw new Error(`Operation ${code.toString(16)}`);
    if (loaded === undefined) return 0;
  }
}
