/**
 * Access: who may ask the hub (DESIGN §7).
 *
 * Two things open it. The *token* is for programs: in a file that its user
 * alone can read. A *code* is for a browser: part of an address, good once and
 * for ten minutes, and exchanged for a cookie. The cookie is made from the
 * token, so the hub remembers no sessions, and a new token ends them all.
 *
 * A page of somebody else's can make a browser send requests here. So what has
 * an `Origin` must have ours, and `Host` must be a name that is certainly this
 * hub's: an address, `localhost`, or one that was configured. A foreign name
 * that suddenly leads here (DNS rebinding) is none of them.
 */
import { Buffer } from "node:buffer";
import {
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { isIP } from "node:net";

/** How long a code is good, ms. */
export const CODE_LIFE = 10 * 60 * 1000;

/** How long a cookie is good, ms. */
export const SESSION_LIFE = 7 * 24 * 3600 * 1000;

/** Codes that are good at once; the oldest go. */
const MAX_CODES = 100;

/** Wrong tokens that may be tried on the page in {@link ATTEMPT_WINDOW}. */
export const MAX_ATTEMPTS = 10;

const ATTEMPT_WINDOW = 60 * 1000;

/** Characters of a token that somebody else chose. */
const MIN_TOKEN = 16;

/** Names by which every machine knows itself. */
const OWN_NAMES = ["localhost"];

/** The headers that decide; a missing one is absent. */
export interface Caller {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
  /** `sec-fetch-site`: where a browser says a request comes from. */
  readonly site?: string | undefined;
}

/** What is given to whoever asks from where nobody may: why. */
export type Refusal = "host" | "origin";

/** Guards one hub. */
export class Access {
  readonly #token: Buffer;
  readonly #key: Buffer;
  readonly #names: ReadonlySet<string>;
  readonly #now: () => number;
  /** Digests of codes, and until when they are good. */
  readonly #codes = new Map<string, number>();
  /** When wrong tokens were tried on the page. */
  #attempts: number[] = [];

  /**
   * @param token of `newToken`, or chosen by whoever runs the hub
   * @param names further names by which the hub may be asked for
   * @param now ms; time of day
   */
  constructor(
    token: string,
    names: readonly string[] = [],
    now: () => number = Date.now,
  ) {
    if (token.length < MIN_TOKEN) {
      throw new Error(`A token has at least ${MIN_TOKEN} characters`);
    }
    this.#token = digest(token);
    this.#key = createHmac("sha256", token).update("session").digest();
    this.#names = new Set([...OWN_NAMES, ...names.map(toLower)]);
    this.#now = now;
  }

  /** Whether a request comes from where it may; checked before all else. */
  refusalOf({ host, origin, site }: Caller): Refusal | undefined {
    const name = host === undefined ? undefined : nameIn(host);
    if (name === undefined || !this.#isOwn(name)) return "host";
    if (origin !== undefined && !isOrigin(origin, host!)) return "origin";
    if (site === "cross-site" || site === "same-site") return "origin";
    return undefined;
  }

  /** Whether the caller has shown the token, or has a cookie. */
  isAllowed(caller: Caller): boolean {
    const bearer = /^bearer +(\S+)$/i.exec(caller.authorization ?? "");
    if (bearer && this.hasToken(bearer[1]!)) return true;
    const session = cookieIn(caller.cookie ?? "", cookieName(caller.host));
    return session !== undefined && this.#isSession(session);
  }

  /** Whether it is the token. Takes the same time for every wrong one. */
  hasToken(text: string): boolean {
    return timingSafeEqual(digest(text), this.#token);
  }

  /** A code that opens the page once. */
  newCode(): string {
    const code = randomBytes(18).toString("base64url");
    this.#codes.set(digest(code).toString("hex"), this.#now() + CODE_LIFE);
    for (const [oldest] of this.#codes) {
      if (this.#codes.size <= MAX_CODES) break;
      this.#codes.delete(oldest);
    }
    return code;
  }

  /** Uses up a code. @returns whether it was good */
  redeem(code: string): boolean {
    // Looked up by digest: how long that takes tells nothing about a code.
    const key = digest(code).toString("hex");
    const until = this.#codes.get(key);
    this.#codes.delete(key);
    return until !== undefined && this.#now() < until;
  }

  /**
   * Tries a token that was typed into the page.
   *
   * @returns `undefined` if too many wrong ones were tried lately
   */
  attempt(token: string): boolean | undefined {
    const now = this.#now();
    this.#attempts = this.#attempts.filter((at) => now - at < ATTEMPT_WINDOW);
    if (this.#attempts.length >= MAX_ATTEMPTS) return undefined;
    const isRight = this.hasToken(token);
    if (!isRight) this.#attempts.push(now);
    return isRight;
  }

  /** The value of `set-cookie` that opens a session. */
  sessionCookie(host: string | undefined): string {
    const until = this.#now() + SESSION_LIFE;
    return `${cookieName(host)}=${until}.${this.#sign(until)}; Path=/; ` +
      `Max-Age=${SESSION_LIFE / 1000}; HttpOnly; SameSite=Strict`;
  }

  #isOwn(name: string): boolean {
    return this.#names.has(name) || name.endsWith(".localhost") ||
      isIP(name) !== 0;
  }

  #isSession(value: string): boolean {
    const [, until, signature] = /^(\d{1,15})\.([\w-]{43})$/.exec(value) ?? [];
    if (until === undefined) return false;
    const isOurs = timingSafeEqual(
      digest(signature!),
      digest(this.#sign(Number(until))),
    );
    return isOurs && this.#now() < Number(until);
  }

  #sign(until: number): string {
    return createHmac("sha256", this.#key).update(String(until))
      .digest("base64url");
  }
}

/** Cookies ignore ports: each hub on a machine has its own. */
export function cookieName(host: string | undefined): string {
  const [, port = "80"] = /:(\d+)$/.exec(host ?? "") ?? [];
  return `thresher_${port}`;
}

/** The name in a `Host`, in lower case; an IPv6 address without brackets. */
function nameIn(host: string): string | undefined {
  const [, address, name] =
    /^(?:\[([0-9a-f:.]+)\]|([^:/?#@\s[\]]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return (address ?? name)?.toLowerCase().replace(/\.$/, "");
}

/** Whether an `Origin` is that of this hub's own page. */
function isOrigin(origin: string, host: string): boolean {
  const own = host.toLowerCase();
  return origin === `http://${own}` || origin === `https://${own}`;
}

function cookieIn(header: string, name: string): string | undefined {
  for (const part of header.split(";")) {
    const [key, value] = part.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}

/** All have one size, which `timingSafeEqual` wants. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

const toLower = (text: string): string => text.toLowerCase();
