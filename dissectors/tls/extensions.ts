/** The extensions of a hello (RFC 8446 §4.2). */
import { leniently, toText, Wire } from "./wire.ts";

/** Extensions that a hello may have; a type may not come twice (§4.2). */
export const MAX_EXTENSIONS = 1000;

/**
 * What is left of a hello: its extensions, if any. Before RFC 3546 there were
 * none, so a hello may end without.
 */
export function readExtensions(wire: Wire): Extensions | undefined {
  if (wire.left < 2) return undefined;
  const size = wire.u16();
  return new Extensions(wire.bytes(Math.min(size, wire.left)));
}

/** Types of the extensions that are looked into (IANA, TLS ExtensionType). */
export const EXTENSION = {
  SERVER_NAME: 0,
  SUPPORTED_GROUPS: 10,
  EC_POINT_FORMATS: 11,
  SIGNATURE_ALGORITHMS: 13,
  ALPN: 16,
  SESSION_TICKET: 35,
  PRE_SHARED_KEY: 41,
  SUPPORTED_VERSIONS: 43,
} as const;

/** A hello's extensions, in order. */
export class Extensions {
  /** Their types, GREASE included. */
  readonly types: readonly number[];
  readonly #bodies: readonly Uint8Array[];

  /**
   * @param block the extensions without the size before them; borrowed for as
   *   long as this lives. A broken one ends at the break
   */
  constructor(block: Uint8Array) {
    const types: number[] = [];
    const bodies: Uint8Array[] = [];
    const wire = new Wire(block);
    leniently(() => {
      while (wire.left > 0 && types.length < MAX_EXTENSIONS) {
        const type = wire.u16();
        bodies.push(wire.vector16());
        types.push(type);
      }
    });
    this.types = types;
    this.#bodies = bodies;
  }

  /** Whether there is one of that type. */
  has(type: number): boolean {
    return this.types.includes(type);
  }

  /** The body of the first of that type. */
  body(type: number): Uint8Array | undefined {
    return this.#bodies[this.types.indexOf(type)];
  }

  /** What `read` makes of the body; `undefined` without one, or a broken one. */
  read<T>(type: number, read: (body: Wire) => T): T | undefined {
    const body = this.body(type);
    return body && leniently(() => read(new Wire(body)));
  }

  /** The protocols of the ALPN extension (RFC 7301 §3.1). */
  get alpn(): readonly Uint8Array[] | undefined {
    return this.read(EXTENSION.ALPN, (body) => {
      const names: Uint8Array[] = [];
      const list = new Wire(body.vector16());
      while (list.left > 0) names.push(list.vector8());
      return names;
    });
  }

  /** The first host name of the SNI extension (RFC 6066 §3). */
  get serverName(): string | undefined {
    return this.read(EXTENSION.SERVER_NAME, (body) => {
      const list = new Wire(body.vector16());
      while (list.left > 0) {
        const isHostName = list.u8() === 0;
        const name = list.vector16();
        if (isHostName) return toText(name);
      }
      return undefined;
    });
  }
}
