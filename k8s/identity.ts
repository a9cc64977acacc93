/**
 * What the objects of an installation are called, and the labels and ports by
 * which it is known. Apart from the manifests, so that whoever only asks for
 * a name does not read them.
 */

/** Names of what people look for. */
export const NAMES = {
  namespace: "thresher",
  hub: "thresher-hub",
  worker: "thresher-worker-daemon-set",
  hubSecret: "thresher-hub",
  workerSecret: "thresher-worker",
} as const;

/** Labels by which an installation is known, of whatever version. */
export const LABELS = {
  part: "app.kubernetes.io/part-of",
  component: "app.kubernetes.io/component",
  manager: "app.kubernetes.io/managed-by",
  /** One run that made it. */
  instance: "app.kubernetes.io/instance",
  version: "app.kubernetes.io/version",
} as const;

/** Selects everything that any run has made. */
export const OURS = `${LABELS.part}=thresher,${LABELS.manager}=thresher-cli`;

/** Ports inside of the pods. */
export const HUB_PORT = 8899;
export const WORKER_PORT = 48999;
