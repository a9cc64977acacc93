/**
 * A connection to an API server through an HTTP proxy, as a kubeconfig's
 * `proxy-url` names one: the method CONNECT (RFC 9110 §9.3.6), and TLS within.
 *
 * For tunnels alone; everything else leaves proxies to `fetch`.
 */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import type { Credentials } from "./access.ts";
import { ClusterError } from "./cluster_error.ts";

/** How long the proxy may take, ms. */
const TIMEOUT_MS = 15_000;

/**
 * @param proxy `http://` or `https://`, with a name and a password if it wants
 *     them
 * @param server URL of the API server
 * @throws ClusterError
 */
export async function connectThrough(
  proxy: string,
  server: string,
  credentials: Credentials,
): Promise<Socket> {
  const { protocol, hostname, port } = new URL(server);
  const isSecure = protocol === "https:";
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = await askProxy(
    proxy,
    `${hostname}:${port || (isSecure ? 443 : 80)}`,
  );
  if (!isSecure) return socket;
  const { ca, cert, key, serverName, insecure } = credentials;
  return tlsConnect({
    socket,
    ca,
    cert,
    key,
    // Addresses are no server names (RFC 6066 §3).
    servername: serverName ?? (/^[\d.]+$|:/.test(host) ? "" : host),
    host,
    rejectUnauthorized: !insecure,
  });
}

/** @param target `HOST:PORT` */
function askProxy(proxy: string, target: string): Promise<Socket> {
  const url = URL.parse(proxy);
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw new ClusterError(
      "config",
      `Cannot port-forward through the proxy ${proxy} of this context: ` +
        "only http:// and https:// proxies are known here",
    );
  }
  const refused = (reason: string, cause?: unknown) =>
    new ClusterError(
      "unreachable",
      `Cannot reach ${target} through the proxy ${url.host}: ${reason}`,
      { cause },
    );
  return new Promise((resolve, reject) => {
    const ask = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = ask({
      host: url.hostname,
      port: url.port || (url.protocol === "https:" ? 443 : 80),
      method: "CONNECT",
      path: target,
      headers: { host: target, ...authorizationOf(url) },
      timeout: TIMEOUT_MS,
    });
    request.on("connect", (response, socket: Socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(refused(`it answers ${response.statusCode}`));
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", (error) => reject(refused(error.message, error)));
    request.end();
  });
}

function authorizationOf(
  { username, password }: URL,
): { "proxy-authorization"?: string } {
  if (!username) return {};
  const pair = `${decodeURIComponent(username)}:${
    decodeURIComponent(password)
  }`;
  const coded = new TextEncoder().encode(pair).toBase64();
  return { "proxy-authorization": `Basic ${coded}` };
}
