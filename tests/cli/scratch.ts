/** A folder with captures of every kind that a user may name. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ethernet, ipv4, tcp, text, udp } from "../packet/frames.ts";
import { pcap } from "../packet/savefiles.ts";

/** Questions and answers of DNS alone. */
export const DNS: string = fileURLToPath(
  new URL("../../dissectors/dns/fixtures/codes.pcap", import.meta.url),
);

/** A real capture of ten HTTP exchanges on three connections. */
export const HTTP: string = fileURLToPath(
  new URL("../../dissectors/http/fixtures/pipelined.pcap", import.meta.url),
);

/** A folder of its own, removed when disposed of. */
export class Scratch implements Disposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "thresher_test_" });

  /** @param files by their names, folders with a `/` at the end */
  constructor(files: Readonly<Record<string, Uint8Array>> = {}) {
    for (const [name, bytes] of Object.entries(files)) {
      if (name.endsWith("/")) Deno.mkdirSync(this.path(name));
      else Deno.writeFileSync(this.path(name), bytes);
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const NOTHING = new Uint8Array(0);

/** What the cases are about. */
export function captures(): Record<string, Uint8Array> {
  const http = Deno.readFileSync(HTTP);
  const frame = ipv4(17, udp(9999, text("hello")));
  return {
    "http.pcap": http,
    "cut.pcap": http.subarray(0, http.length - 100),
    "empty/": NOTHING,
    "zero.pcap": NOTHING,
    "notes.txt": text("no packets\n"),
    "packed.pcap.xz": Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0),
    "ethernet.pcap": pcap([{ seconds: 2, frame: ethernet(0x800, frame) }]),
    "raw.pcap": pcap([{ seconds: 1, frame }], { linkType: 101 }),
    "hostile.pcap": pcap([{ seconds: 1, frame: hostile() }]),
    "mixed/": NOTHING,
    "mixed/a.pcap": http,
    "mixed/b.txt": text("no packets\n"),
  };
}

/** A key that clears the screen, and one that takes two columns a letter. */
function hostile(): Uint8Array {
  const key = text("\x1b[2J\u009b1m\u202e日本");
  const command = text(`*2\r\n$3\r\nGET\r\n$${key.length}\r\n`);
  const payload = new Uint8Array([...command, ...key, 13, 10]);
  return ethernet(0x800, ipv4(6, tcp(payload, { dstPort: 6379, flags: 0x18 })));
}
