/** The list of protocols: the only file that names them all. */
import { Schema } from "../entry/schema.ts";
import type { AnyDissector, AnyFlowDissector } from "./dissector.ts";
import { dns } from "./dns/dns.ts";
import { http } from "./http/http.ts";
import { icmp } from "./icmp/icmp.ts";
import { redis } from "./redis/redis.ts";
import { sctp } from "./sctp/sctp.ts";
import { tcp } from "./tcp/tcp.ts";
import { tls } from "./tls/tls.ts";
import { udp } from "./udp/udp.ts";

/** Protocols that are read from bytes. Where several match, the first wins. */
const dissectors: readonly AnyDissector[] = [dns, http, tls, redis, icmp];

/** Protocols whose entries are flows that nothing else dissected. */
const flowDissectors: readonly AnyFlowDissector[] = [tcp, udp, sctp];

/** Every protocol, as whoever replays packets needs them. */
export const PROTOCOLS = { dissectors, flowDissectors } as const;

/** Every field of every protocol, as KFL and JSON need them. */
export const SCHEMA = new Schema([...dissectors, ...flowDissectors]);
