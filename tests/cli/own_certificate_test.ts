/** The certificate that a worker makes for itself. */
import { equal, notEqual, ok, throws } from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  DAYS,
  ownAddresses,
  OwnCertificate,
} from "../../cli/own_certificate.ts";
import { makeAuthority } from "../../k8s/certificates.ts";

const DAY = 24 * 3600 * 1000;
const START = Date.UTC(2026, 10, 23);
const authority = makeAuthority("thresher", new Date(START));

/** One whose clock and addresses are set by the test. */
function made() {
  const node = { now: START, addresses: ["127.0.0.1"] };
  const own = new OwnCertificate({
    authority,
    name: "node-a",
    addresses: () => node.addresses,
    clock: () => new Date(node.now),
  });
  return { node, own, read: () => new X509Certificate(own.current.cert) };
}

Deno.test("a worker's certificate is for a few days, and made anew in time", () => {
  const { node, own, read } = made();
  const first = own.current;
  for (let hours = 0; hours < 24 * 60; hours += 7) {
    node.now = START + hours * 3600 * 1000;
    own.renew();
    ok(Date.parse(read().validTo) - node.now > DAY, `after ${hours} hours`);
    ok(Date.parse(read().validFrom) <= node.now, `after ${hours} hours`);
    ok(Date.parse(read().validTo) - node.now <= DAYS * DAY);
  }
  notEqual(own.current.key, first.key);
  ok(read().verify(new X509Certificate(authority.cert).publicKey));
});

Deno.test("it is made anew when the node has another address, or its clock went back", () => {
  const { node, own, read } = made();
  equal(own.renew(), false);
  node.addresses = ["127.0.0.1", "192.0.2.7"];
  equal(own.renew(), true);
  ok(read().checkIP("192.0.2.7"));
  equal(own.renew(), false);
  node.now -= 2 * DAY;
  equal(own.renew(), true);
  ok(Date.parse(read().validFrom) <= node.now);
});

Deno.test("what vouches for nobody is refused", () => {
  const other = { ...authority, key: "none" };
  throws(() =>
    new OwnCertificate({ authority: other, name: "a", addresses: () => [] })
  );
});

Deno.test("it is for the address that Kubernetes tells, else for the node's own", () => {
  const before = Deno.env.get("POD_IP");
  try {
    Deno.env.set("POD_IP", "192.0.2.7");
    equal(ownAddresses().join(), "127.0.0.1,::1,192.0.2.7");
    Deno.env.set("POD_IP", "");
    ok(!ownAddresses().includes("192.0.2.7"));
    ok(ownAddresses().includes("127.0.0.1"));
  } finally {
    if (before === undefined) Deno.env.delete("POD_IP");
    else Deno.env.set("POD_IP", before);
  }
});
