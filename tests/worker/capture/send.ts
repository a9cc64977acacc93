/**
 * A sender of numbered frames, fast enough to keep a capture busy:
 *
 * ```sh
 * deno run -A send.ts INTERFACE FRAMES PER_SECOND [FLOWS [PAYLOAD]]
 * ```
 *
 * Prints how many the kernel took. Linux only, as root.
 */
import { makeFrame, setNumber } from "./traffic.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;

/** Frames that are given to the kernel at once. */
const BATCH = 64;

/** Bytes of `struct mmsghdr`, and of `struct iovec`. */
const MESSAGE = 64;
const VECTOR = 16;

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  usleep: { parameters: ["u32"], result: "i32" },
});

/** Opens a socket that sends whole frames by an interface. */
function open(name: string): number {
  const index = libc.if_nametoindex(new TextEncoder().encode(name + "\0"));
  const fd = libc.socket(AF_PACKET, SOCK_RAW, 0);
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setInt32(4, index, true);
  if (index === 0 || fd < 0 || libc.bind(fd, address, 20) < 0) {
    throw new Error(`Cannot send by "${name}"`);
  }
  return fd;
}

/** Frames one behind the other, and the messages that the kernel reads. */
class Frames {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #numbers: number[] = [];
  readonly #messages: Uint8Array<ArrayBuffer>;
  readonly #address: bigint;
  readonly count: number;

  constructor(flows: number, payload: number) {
    if (flows % BATCH !== 0) throw new Error(`FLOWS must be n × ${BATCH}`);
    this.count = flows;
    const frames = Array.from(
      { length: flows },
      (_, i) => makeFrame(i, sizeOf(i, payload)),
    );
    const size = frames.reduce((sum, { frame }) => sum + frame.length, 0);
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
    const vectors = new BigUint64Array(this.count * VECTOR / 8);
    this.#messages = new Uint8Array(this.count * MESSAGE);
    const messages = new DataView(this.#messages.buffer);
    const base = addressOf(this.#bytes);
    let at = 0;
    for (const [i, { frame, at: number }] of frames.entries()) {
      this.#bytes.set(frame, at);
      this.#numbers.push(at + number);
      vectors.set([base + BigInt(at), BigInt(frame.length)], 2 * i);
      const vector = addressOf(vectors) + BigInt(i * VECTOR);
      messages.setBigUint64(i * MESSAGE + 16, vector, true);
      messages.setBigUint64(i * MESSAGE + 24, 1n, true);
      at += frame.length;
    }
    this.#keep = vectors;
    this.#address = addressOf(this.#messages);
  }

  /** The kernel reads it. */
  readonly #keep: BigUint64Array;

  /** Numbers a batch of frames, from the one that has `number`. */
  prepare(number: number, count: number): Deno.PointerValue {
    const first = number % this.count;
    for (let i = 0; i < count; i++) {
      setNumber(this.#view, this.#numbers[first + i]!, number + i);
    }
    void this.#keep;
    return Deno.UnsafePointer.create(this.#address + BigInt(first * MESSAGE));
  }
}

/** Sizes of payloads, of which half are small, whatever the transport. */
function sizeOf(i: number, payload: number): number {
  return i % 4 < 2 ? 16 : 2 * payload - 16;
}

function addressOf(of: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>) {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(of));
}

function main([name, frames, rate, flows = "1024", payload = "340"]: string[]) {
  const fd = open(name!);
  const made = new Frames(Number(flows), Number(payload));
  const total = Number(frames);
  const perMs = Number(rate) / 1000;
  const begin = performance.now();
  let sent = 0;
  while (sent < total) {
    const allowed = (performance.now() - begin) * perMs;
    if (sent > allowed) {
      libc.usleep(200);
      continue;
    }
    const count = Math.min(BATCH - sent % BATCH, total - sent);
    const messages = made.prepare(sent, count);
    const got = libc.sendmmsg(fd, messages, count, 0);
    if (got < 0) throw new Error("The kernel takes no frames");
    sent += got;
  }
  const seconds = (performance.now() - begin) / 1000;
  console.log(JSON.stringify({ sent, seconds }));
}

main(Deno.args);
