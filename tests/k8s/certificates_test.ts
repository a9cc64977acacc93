/** Certificates that we make, held against others' code: rustls and OpenSSL. */
import { equal, match } from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { issue, makeAuthority } from "../../k8s/certificates.ts";
import { lacks } from "../setup.ts";

const NOW = new Date();

Deno.test("a client that trusts the authority believes what it issued", async () => {
  const authority = makeAuthority("thresher", NOW);
  const own = issue(authority, "worker", ["127.0.0.1", "fd00::a:1"], NOW);
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, ...own, onListen() {} },
    () => new Response("here"),
  );
  const url = `https://127.0.0.1:${(server.addr as Deno.NetAddr).port}/`;
  using client = Deno.createHttpClient({ caCerts: [authority.cert] });
  equal(await (await fetch(url, { client })).text(), "here");
  const other = makeAuthority("thresher", NOW);
  using stranger = Deno.createHttpClient({ caCerts: [other.cert] });
  const refusal = await fetch(url, { client: stranger }).catch((error) =>
    error
  );
  match(String((refusal as Error).cause), /certificate/i);
});

Deno.test("a certificate says whose it is, and for how long", () => {
  const authority = makeAuthority("thresher", NOW);
  const own = new X509Certificate(
    issue(authority, "worker", ["192.0.2.1", "fd00::a:1"], NOW).cert,
  );
  match(own.subject, /CN=worker/);
  match(own.issuer, /CN=thresher/);
  match(own.subjectAltName ?? "", /192\.0\.2\.1/);
  match(own.subjectAltName ?? "", /fd00::a:1/);
  const days = (Date.parse(own.validTo) - NOW.getTime()) / 86_400_000;
  equal(Math.round(days), 365);
});

Deno.test({
  name: "OpenSSL verifies the chain, of RSA authorities too",
  ignore: lacks("openssl"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const openssl = async (...args: readonly string[]) => {
      const { success, stdout, stderr } = await new Deno.Command("openssl", {
        args: [...args],
        cwd: folder,
      }).output();
      const text = new TextDecoder();
      equal(success, true, text.decode(stderr));
      return text.decode(stdout);
    };
    try {
      await openssl(
        ..."req -x509 -newkey rsa:2048 -nodes -days 9".split(" "),
        ..."-addext keyUsage=critical,keyCertSign".split(" "),
        ..."-subj /O=Somebody/CN=rsa -keyout rsa.key -out rsa.crt".split(" "),
      );
      const read = (name: string) => Deno.readTextFile(`${folder}/${name}`);
      const rsa = { cert: await read("rsa.crt"), key: await read("rsa.key") };
      for (const authority of [rsa, makeAuthority("thresher", NOW)]) {
        await Deno.writeTextFile(`${folder}/ca.crt`, authority.cert);
        const { cert } = issue(authority, "worker", ["192.0.2.1"], NOW);
        await Deno.writeTextFile(`${folder}/own.crt`, cert);
        const said = await openssl(
          ..."verify -x509_strict -purpose sslserver".split(" "),
          ..."-verify_ip 192.0.2.1 -CAfile ca.crt own.crt".split(" "),
        );
        match(said, /own\.crt: OK/);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
