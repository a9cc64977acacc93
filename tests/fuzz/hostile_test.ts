/**
 * 64 KB that are made to take long: they take no longer than others.
 *
 * Some of these once took seconds, and the worst half a minute.
 */
import { ok } from "node:assert/strict";
import {
  brotliCompressSync,
  constants,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import type { Side } from "../../dissectors/dissector.ts";
import { PROTOCOLS } from "../../dissectors/registry.ts";
import type { AnyDissector } from "../../dissectors/dissector.ts";
import { type Chunk, dissect } from "../dissectors/dissect.ts";
import { ofLatin1 } from "../dissectors/parse.ts";
import { cpuTime } from "./cpu_time.ts";
import { concat } from "./random.ts";

const SIZE = 64 * 1024;

/** Far more than any of them takes, and far less than they took, ms. */
const MAX_TIME = 1000;

/** What one end of a flow sends. */
interface Attack {
  readonly of: string;
  readonly side?: Side;
  readonly midStream?: boolean;
  readonly begins?: string;
  readonly repeats: string | Uint8Array;
}

const bomb = (coding: string, body: Uint8Array): Uint8Array =>
  concat(
    ofLatin1(
      `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\n` +
        `Content-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  );

/** Gives what no decompressor takes, though it begins well. */
const broken = (body: Uint8Array): Uint8Array =>
  body.map((byte, at) => at < 6 ? byte : byte ^ 0x5a);

const TEXT = ofLatin1("what is said again and again is said again".repeat(2));
const large = new Uint8Array(8_000_000);
const small = new Uint8Array(100_000);
const GET = "GET / HTTP/1.1\r\n";
const CHUNKED = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
const EMPTY_QUERY = "\x00\x0c\x12\x34\x01\x00" + "\x00".repeat(8);

const ATTACKS: Readonly<Record<string, Attack>> = {
  "brotli bombs": {
    of: "http",
    side: "server",
    repeats: bomb("br", brotliCompressSync(large)),
  },
  "brotli bombs in the largest window": {
    of: "http",
    side: "server",
    repeats: bomb(
      "br",
      brotliCompressSync(large, {
        params: { [constants.BROTLI_PARAM_LGWIN]: 24 },
      }),
    ),
  },
  "brotli bombs in brotli": {
    of: "http",
    side: "server",
    repeats: bomb("br, br", brotliCompressSync(brotliCompressSync(large))),
  },
  "gzip bombs": {
    of: "http",
    side: "server",
    repeats: bomb("gzip", gzipSync(small)),
  },
  "gzip bombs in gzip": {
    of: "http",
    side: "server",
    repeats: bomb("gzip, gzip", gzipSync(gzipSync(large))),
  },
  "deflate bombs": {
    of: "http",
    side: "server",
    repeats: bomb("deflate", deflateSync(small)),
  },
  "zstd bombs": {
    of: "http",
    side: "server",
    repeats: bomb("zstd", zstdCompressSync(large)),
  },
  "empty zstd frames": {
    of: "http",
    side: "server",
    repeats: bomb(
      "zstd",
      concat(...new Array(64).fill(zstdCompressSync(new Uint8Array(0)))),
    ),
  },
  "broken deflate": {
    of: "http",
    side: "server",
    repeats: bomb("deflate", ofLatin1("x")),
  },
  "deflate that breaks": {
    of: "http",
    side: "server",
    repeats: bomb("deflate", broken(deflateSync(TEXT))),
  },
  "gzip that breaks": {
    of: "http",
    side: "server",
    repeats: bomb("gzip", broken(gzipSync(TEXT))),
  },
  "brotli that is none": {
    of: "http",
    side: "server",
    repeats: bomb("br", ofLatin1("\xff\xff")),
  },
  "zstd that breaks": {
    of: "http",
    side: "server",
    repeats: bomb("zstd", broken(zstdCompressSync(TEXT))),
  },
  "zstd that ends early": {
    of: "http",
    side: "server",
    repeats: bomb("zstd", zstdCompressSync(TEXT).subarray(0, 5)),
  },
  "requests without a version": { of: "http", repeats: "GET /\n" },
  "the least requests": { of: "http", repeats: "G / HTTP/1.1\n\n" },
  "the least responses": {
    of: "http",
    side: "server",
    repeats: "HTTP/1.1 204\n\n",
  },
  "chunks of a byte": { of: "http", begins: CHUNKED, repeats: "1\na\n" },
  "a chunk's extension": {
    of: "http",
    begins: `${CHUNKED}1`,
    repeats: ";a=b",
  },
  "trailers": { of: "http", begins: `${CHUNKED}0\r\n`, repeats: "a:\n" },
  "folded lines": { of: "http", begins: `${GET}a:`, repeats: "\r\n x" },
  "lines of lengths": {
    of: "http",
    begins: GET,
    repeats: "content-length:1,1\n",
  },
  "lines of codings": {
    of: "http",
    begins: GET,
    repeats: "transfer-encoding:x\n",
  },
  "requests with bodies of a byte": {
    of: "http",
    repeats: "G / HTTP/1.1\ncontent-length:1\n\na",
  },
  "a request line": { of: "http", begins: "GET /", repeats: "a" },
  "a path that is no UTF-8": { of: "http", begins: "GET /", repeats: "/%ff" },
  "words without a line": {
    of: "http",
    midStream: true,
    repeats: "GET ",
  },
  "lines that end as requests do": {
    of: "http",
    midStream: true,
    repeats: " HTTP/1.1\n",
  },
  "what no request follows": {
    of: "http",
    midStream: true,
    begins: `${GET}\r\nx\r\n`,
    repeats: "G / HTTP/1.1\nx y\n",
  },
  "status lines that do not end": {
    of: "http",
    side: "server",
    midStream: true,
    begins: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx",
    repeats: "HTTP/1.1 200 ",
  },
  "a line after CONNECT": {
    of: "http",
    begins: "CONNECT a HTTP/1.1\r\n\r\nG ",
    repeats: "a",
  },
  "nested arrays": {
    of: "redis",
    side: "server",
    midStream: true,
    repeats: "*1\r\n",
  },
  "inline commands": {
    of: "redis",
    begins: "*1\r\n$4\r\nPING\r\n",
    repeats: "a\r\n",
  },
  "the least commands": {
    of: "redis",
    begins: "*1\r\n$4\r\nPING\r\n",
    repeats: "a\n",
  },
  "commands that change what follows": {
    of: "redis",
    begins: "*1\r\n$4\r\nPING\r\n",
    repeats: "reset\n",
  },
  "the least replies": {
    of: "redis",
    side: "server",
    midStream: true,
    repeats: "+\r\n",
  },
  "pushes": {
    of: "redis",
    side: "server",
    midStream: true,
    repeats: ">1\r\n+a\r\n",
  },
  "the same query again": { of: "dns", repeats: EMPTY_QUERY },
};

for (const [name, attack] of Object.entries(ATTACKS)) {
  for (const most of [SIZE, 1460, 1]) {
    const how = most === SIZE ? "at once" : `${most} at a time`;
    Deno.test(`${attack.of} takes no longer for ${name}, ${how}`, () => {
      const dissector = PROTOCOLS.dissectors.find((d) => d.name === attack.of)!;
      const took = timeOf(dissector, attack, most);
      ok(took < MAX_TIME, `${took.toFixed()} ms`);
    });
  }
}

function timeOf(
  dissector: AnyDissector,
  { side = "client", midStream = false, begins = "", repeats }: Attack,
  most: number,
): number {
  const bytes = new Uint8Array(SIZE);
  const unit = typeof repeats === "string" ? ofLatin1(repeats) : repeats;
  bytes.set(ofLatin1(begins));
  for (let at = begins.length; at < SIZE; at += unit.length) {
    bytes.set(unit.subarray(0, SIZE - at), at);
  }
  const chunks: Chunk[] = [];
  for (let at = 0; at < SIZE; at += most) {
    chunks.push({ side, bytes: bytes.subarray(at, at + most) });
  }
  const begun = cpuTime();
  dissect(dissector, chunks, { midStream });
  return cpuTime() - begun;
}
