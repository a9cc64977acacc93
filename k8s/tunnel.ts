/**
 * A TCP connection to a pod, carried by a WebSocket to the API server.
 *
 * Sub-protocol `v4.channel.k8s.io`: each message begins with the number of a
 * channel, 0 for data and 1 for errors; the first message of either has the
 * port instead. One WebSocket carries one connection.
 *
 * The `ws` package and not the built-in WebSocket: reading can be paused, so a
 * slow reader costs neither side memory, and a refusal shows its status.
 */
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { type ClusterAccess, type Credentials, isSame } from "./access.ts";
import { ClusterError, toClusterError } from "./cluster_error.ts";
import { connectThrough } from "./http_proxy.ts";
import { unreachable } from "./transport.ts";

/** A duplex connection; `readable` errors if the tunnel does. */
export interface Tunnel {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): void;
}

/** Bytes that wait on either side before the other is told to wait. */
const HIGH_WATER = 1 << 20;

/** How long the API server may take to open it, in ms. */
const OPEN_TIMEOUT_MS = 15_000;

/** How often a full socket is looked at again, in ms; `ws` tells nobody. */
const DRAIN_POLL_MS = 5;

const DATA = 0;

/**
 * Opens a connection to a port of a pod.
 *
 * That nobody listens there is known only later: then `readable` errors.
 *
 * @throws ClusterError if the API server refuses, or cannot be reached
 */
export async function dial(
  access: ClusterAccess,
  target: Target,
): Promise<Tunnel> {
  const used = await access.credentials();
  try {
    return await dialAs(access, used, target);
  } catch (error) {
    const isUnknown = error instanceof ClusterError &&
      error.fault === "unauthorized";
    if (!isUnknown) throw error;
    const fresh = await access.credentials(used);
    if (isSame(fresh, used)) throw error;
    return await dialAs(access, fresh, target);
  }
}

/** A port of a pod. */
interface Target {
  readonly pod: string;
  readonly namespace: string;
  readonly port: number;
}

async function dialAs(
  access: ClusterAccess,
  credentials: Credentials,
  target: Target,
): Promise<Tunnel> {
  const { headers, ca, cert, key, serverName, insecure, proxy } = credentials;
  const connection = proxy === undefined
    ? undefined
    : await connectThrough(proxy, access.server, credentials);
  const path = `/api/v1/namespaces/${target.namespace}/pods/${target.pod}` +
    `/portforward?ports=${target.port}`;
  const socket = new WebSocket(
    access.server.replace(/^http/, "ws") + path,
    ["v4.channel.k8s.io"],
    {
      headers,
      ca,
      cert,
      key,
      ...(serverName && { servername: serverName }),
      rejectUnauthorized: !insecure,
      perMessageDeflate: false,
      handshakeTimeout: OPEN_TIMEOUT_MS,
      ...(connection && { createConnection: () => connection }),
    },
  );
  socket.binaryType = "nodebuffer";
  const tunnel = toTunnel(socket, target);
  await opened(socket, access, target.pod);
  return tunnel;
}

function opened(
  socket: WebSocket,
  access: ClusterAccess,
  pod: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve());
    socket.on("error", (cause) => reject(unreachable(access.server, cause)));
    socket.on("unexpected-response", (_request, response) => {
      let body = "";
      response.on("data", (part: Uint8Array) => body += String(part));
      response.on("end", () => {
        const code = response.statusCode ?? 0;
        reject(refusal(pod, code, body, response.headers["retry-after"]));
        socket.terminate();
      });
    });
  });
}

/** A 403 here often ends empty: say which rights it takes. */
function refusal(
  pod: string,
  code: number,
  body: string,
  retryAfter: string | undefined,
): ClusterError {
  const error = toClusterError(
    `open a tunnel to pod "${pod}"`,
    code,
    body,
    retryAfter,
  );
  if (error.fault !== "forbidden") return error;
  return new ClusterError(
    "forbidden",
    `Cannot open a tunnel to pod "${pod}": it takes the rights to get and to ` +
      "create pods/portforward in its namespace",
    { code, status: error.status },
  );
}

function toTunnel(
  socket: WebSocket,
  { pod, port }: { readonly pod: string; readonly port: number },
): Tunnel {
  const named = new Set<number>(); // channels whose first message has come
  let ended = false;
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      const end = (error?: Error) => {
        if (ended) return;
        ended = true;
        if (error) controller.error(error);
        else controller.close();
        socket.terminate();
      };
      socket.on("message", (message: Uint8Array) => {
        const channel = message[0];
        if (channel === undefined || ended) return;
        if (!named.has(channel)) {
          named.add(channel);
          return;
        }
        if (channel !== DATA) {
          // Its text tells of the node's inside and differs by run-time.
          return end(
            new ClusterError(
              "unreachable",
              `Nothing listens on port ${port} in pod "${pod}"`,
              { cause: new TextDecoder().decode(message.subarray(1)) },
            ),
          );
        }
        controller.enqueue(message.subarray(1));
        if ((controller.desiredSize ?? 0) <= 0) socket.pause();
      });
      socket.on("close", () => end());
      socket.on("error", (error) => end(error));
    },
    pull: () => socket.resume(),
    cancel: () => {
      ended = true;
      socket.terminate();
    },
  }, { highWaterMark: HIGH_WATER, size: (chunk) => chunk.length });

  const writable = new WritableStream<Uint8Array>({
    async write(chunk) {
      const message = new Uint8Array(chunk.length + 1);
      message.set(chunk, 1); // before it DATA, which is 0
      socket.send(message);
      while (
        socket.bufferedAmount > HIGH_WATER &&
        socket.readyState === WebSocket.OPEN
      ) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
      }
      if (socket.readyState !== WebSocket.OPEN) {
        throw new ClusterError(
          "unreachable",
          `The tunnel to pod "${pod}" was closed`,
        );
      }
    },
    // The protocol has no half-close: what is still to come shall come.
  });
  return { readable, writable, close: () => socket.terminate() };
}
