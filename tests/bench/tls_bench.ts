/**
 * TLS as a busy ingress sees it: many short handshakes, and downloads of which
 * everything is encrypted.
 */
import { TlsParser } from "../../dissectors/tls/record.ts";
import { tls } from "../../dissectors/tls/tls.ts";
import { StreamReader } from "../../stream/reader.ts";
import { dissect, START } from "../dissectors/dissect.ts";
import { encrypted } from "../dissectors/tls/messages.ts";
import { readRecordings } from "../dissectors/recordings.ts";
import { concat } from "../fuzz/random.ts";

const handshakes = readRecordings("tls").filter(({ name }) =>
  name.startsWith("nginx")
);

Deno.bench("tls: 999 handshakes of curl and nginx, written as JSON", () => {
  let entries = 0;
  for (let i = 0; i < 333; i++) {
    for (const { segments } of handshakes) {
      entries += dissect(tls, segments).length;
    }
  }
  if (entries !== 999) throw new Error(`Got ${entries}`);
});

Deno.bench("tls: 999 handshakes of which nobody asks anything", () => {
  let exchanges = 0;
  for (let i = 0; i < 333; i++) {
    for (const { segments } of handshakes) {
      const parser = new TlsParser(false);
      const readers = {
        client: new StreamReader(),
        server: new StreamReader(),
      };
      for (const { side, bytes, time } of segments) {
        const reader = readers[side];
        reader.append(bytes, 0, bytes.length, time, 0);
        for (const _ of parser.read(side, reader)) exchanges++;
        reader.retain();
      }
    }
  }
  if (exchanges !== 999) throw new Error(`Got ${exchanges}`);
});

/** A download in records of 16 KB, a megabyte of it. */
const download = concat(...new Array(64).fill(encrypted(16_384)));

/** Bytes of a segment on Ethernet. */
const SEGMENT = 1448;

Deno.bench("tls: 1 GB of application data in segments of 1,448 bytes", () => {
  const parser = new TlsParser(false);
  const reader = new StreamReader();
  for (let megabyte = 0; megabyte < 1024; megabyte++) {
    for (let at = 0; at < download.length; at += SEGMENT) {
      const end = Math.min(at + SEGMENT, download.length);
      reader.append(download, at, end, START, 0);
      for (const _ of parser.read("server", reader)) {
        throw new Error("Nothing is in clear");
      }
      reader.retain();
    }
  }
});
