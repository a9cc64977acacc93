/**
 * The certificate that a worker makes for itself: nobody knew its address when
 * it was deployed. It is for a few days, and made anew long before they are
 * over, or when its node has got another address.
 */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { type Certificate, issue } from "../k8s/certificates.ts";

/** For how long a certificate is, in days. */
export const DAYS = 7;

/** Age at which another takes its place, ms. */
const RENEWED_AT = DAYS / 2 * 24 * 3600 * 1000;

/** Addresses that one is for: a node that balances services has thousands. */
const MAX_ADDRESSES = 64;

/** What it is made of. */
export interface OwnCertificateOptions {
  /** Vouches for it. */
  readonly authority: Certificate;
  /** Of the node. */
  readonly name: string;
  /** Under which hubs ask, as of now. */
  readonly addresses: () => readonly string[];
  readonly clock?: () => Date;
}

/** A certificate, and the next. */
export class OwnCertificate {
  readonly #options: OwnCertificateOptions;
  readonly #clock: () => Date;
  #current: Certificate;
  #made: Date;
  #addresses: readonly string[];

  /** @throws Error of the system's if the authority is none */
  constructor(options: OwnCertificateOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
    this.#made = this.#clock();
    this.#addresses = options.addresses();
    this.#current = this.#issue();
  }

  /** The one to show. */
  get current(): Certificate {
    return this.#current;
  }

  /** Makes another if it is time; says whether it did. */
  renew(): boolean {
    const now = this.#clock();
    const addresses = this.#options.addresses();
    const age = now.getTime() - this.#made.getTime();
    const isGood = age < RENEWED_AT && age >= 0 &&
      addresses.join() === this.#addresses.join();
    if (isGood) return false;
    this.#made = now;
    this.#addresses = addresses;
    this.#current = this.#issue();
    return true;
  }

  #issue(): Certificate {
    const { authority, name } = this.#options;
    return issue(authority, name, this.#addresses, this.#made, DAYS);
  }
}

/**
 * The addresses of this node's own: the one that Kubernetes tells in `POD_IP`,
 * else those of the interfaces, but for those of one link.
 */
export function ownAddresses(): string[] {
  const told = Deno.env.get("POD_IP") ?? "";
  const found = isIP(told) ? [told] : Object.values(networkInterfaces())
    .flatMap((all) => all ?? []).map(({ address }) => address)
    .filter((ip) => !/^(fe[89ab].:|169\.254\.)/i.test(ip));
  const all = new Set(["127.0.0.1", "::1", ...found.toSorted()]);
  return [...all].slice(0, MAX_ADDRESSES);
}
