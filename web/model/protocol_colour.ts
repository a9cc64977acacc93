/**
 * A protocol's colour: one hue for each, and for each kind of protocol a
 * stretch of the circle. How light and strong it is, the theme says. Red says
 * that something failed: whatever is seen all the time keeps away from it.
 */

/** Degrees of OKLCH. */
const HUES: Readonly<Record<string, number>> = {
  // The web.
  http: 250,
  grpc: 285,
  graphql: 335,
  websocket: 225,
  sse: 235,
  // Names and addresses.
  dns: 165,
  dhcp: 150,
  ntp: 140,
  // Data.
  redis: 0,
  memcached: 40,
  mysql: 70,
  postgresql: 195,
  mongodb: 130,
  cassandra: 210,
  // Messages.
  kafka: 305,
  amqp: 55,
  mqtt: 320,
  nats: 180,
  smtp: 15,
  // Who is who.
  ldap: 85,
  radius: 95,
  diameter: 105,
  // Encrypted.
  tls: 115,
  quic: 265,
};

/** The hue of a protocol; `undefined` for those shown without colour. */
export function hueOf(protocol: string): number | undefined {
  return Object.hasOwn(HUES, protocol) ? HUES[protocol] : undefined;
}
