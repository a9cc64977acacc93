/**
 * Rights of the kernel's (`capabilities(7)`), which each thread has for itself:
 * a thread that is started gets those of the one that starts it.
 */
import { check, libc } from "./libc.ts";

/** `_LINUX_CAPABILITY_VERSION_3`. */
const VERSION = 0x2008_0522;

/** Words of the rights: each kind in two, the kinds by turns. */
const WORDS = 6;

/** What it may take to use files that are somebody else's, and to listen. */
const HARMLESS = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  NET_BIND_SERVICE: 10,
} as const;

/**
 * Takes from this thread, and from those that it starts from now on, what
 * capturing takes and all else but what files and listening may need.
 *
 * @throws SystemCallError, NoLibrary
 */
export function dropRights(): void {
  // `struct __user_cap_header_struct`: 0 is the calling thread.
  const header = Uint32Array.of(VERSION, 0);
  const rights = new Uint32Array(WORDS);
  check("capget", libc().capget(header, rights));
  let kept = 0;
  for (const number of Object.values(HARMLESS)) kept |= 1 << number;
  const low = WORDS / 2;
  for (let i = 0; i < WORDS; i++) rights[i]! &= i < low ? kept : 0;
  check("capset", libc().capset(header, rights));
}
