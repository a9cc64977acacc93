/** `worker`, where it may not do what it is told. */
import { equal, match } from "node:assert/strict";
import { existsSync } from "node:fs";
import { makeAuthority } from "../../k8s/certificates.ts";
import { thresher } from "./program.ts";
import { Scratch } from "./scratch.ts";

/** What is misused, and what is said of it. */
const MISUSED: readonly (readonly [args: string, said: RegExp])[] = [
  // Unencrypted.
  [
    "--listen :7700 --secret-file secret",
    /^thresher: Cannot listen on .*--tls-cert/,
  ],
  ["--listen :7700", /--listen wants a --secret-file/],
  ["--await-targets", /--await-targets belongs to --listen/],
  ["--issuer-key ca.key", /--issuer-key belongs to --listen/],
  [
    "--listen :7700 --secret-file secret --issuer-cert ca.crt",
    /--issuer-cert and --issuer-key belong together/,
  ],
  [
    "--listen :7700 --secret-file secret --issuer-cert ca.crt " +
    "--issuer-key ca.key --tls-cert ca.crt --tls-key ca.key",
    /--tls-cert and --issuer-cert exclude each other/,
  ],
  [
    "--listen :7700 --secret-file secret --issuer-cert ca.crt " +
    "--issuer-key secret",
    /Cannot make a certificate with "ca.crt" and "secret"/,
  ],
];

for (const [args, said] of MISUSED) {
  Deno.test(`nothing is captured with \`worker ${args}\``, async () => {
    using scratch = new Scratch();
    const { folder } = scratch;
    const { cert, key } = makeAuthority("thresher", new Date());
    const files = {
      secret: crypto.randomUUID(),
      "ca.crt": cert,
      "ca.key": key,
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(scratch.path(name), text);
    }
    const { code, stderr } = await thresher(folder, [
      ...["worker", "--data-dir", "packets"],
      ...args.split(" "),
    ]);
    equal(code, 2, stderr);
    match(stderr, said);
    equal(stderr.split("\n").length, 2, stderr);
    equal(existsSync(scratch.path("packets")), false);
  });
}
