/** Pods with a service mesh's proxy beside their application. */
import type { Mesh } from "../api/hub.ts";
import type { Container, Pod } from "./objects.ts";

/** What each mesh's injector calls its proxy's container. */
const PROXIES: Readonly<Record<string, Mesh>> = {
  "istio-proxy": "istio",
  "linkerd-proxy": "linkerd",
};

/**
 * Whose proxy is in a pod; `undefined` where nothing of the pod is said to one
 * on its loopback interface. So it is in gateways, which are a proxy and
 * nothing else, and in pods on their node's own network.
 */
export function meshOf({ spec = {} }: Pod): Mesh | undefined {
  const { containers = [], initContainers = [], hostNetwork } = spec;
  if (hostNetwork) return undefined;
  const isAlone = containers.every(({ name }) => PROXIES[name]);
  if (isAlone) return undefined;
  const running = [...containers, ...initContainers.filter(isSidecar)];
  return running.map(({ name }) => PROXIES[name]).find(Boolean);
}

/** Since Kubernetes 1.28 a sidecar is an init container that goes on. */
const isSidecar = ({ restartPolicy }: Container): boolean =>
  restartPolicy === "Always";
