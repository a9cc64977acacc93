/**
 * Every command, in the order of the help. Each is described in a file of its
 * own, which is loaded when it is called, or where all are to be known.
 */
import type { Command } from "commander";

/** Adds a command to the program. */
type Describe = (program: Command) => void;

export const COMMANDS: Readonly<Record<string, () => Promise<Describe>>> = {
  tap: async () => (await import("./tap.ts")).describeTap,
  query: async () => (await import("./query.ts")).describeQuery,
  export: async () => (await import("./export.ts")).describeExport,
  import: async () => (await import("./import.ts")).describeImport,
  proxy: async () => (await import("./proxy.ts")).describeProxy,
  status: async () => (await import("./status.ts")).describeStatus,
  check: async () => (await import("./check.ts")).describeCheck,
  logs: async () => (await import("./logs.ts")).describeLogs,
  pcapdump: async () => (await import("./pcapdump.ts")).describePcapdump,
  clean: async () => (await import("./clean.ts")).describeClean,
  manifests: async () => (await import("./manifests.ts")).describeManifests,
  images: async () => (await import("./images.ts")).describeImages,
  worker: async () => (await import("./worker.ts")).describeWorker,
  hub: async () => (await import("./hub.ts")).describeHub,
  config: async () => (await import("./config.ts")).describeConfig,
  completion: async () => (await import("./completion.ts")).describeCompletion,
  version: async () => (await import("./version.ts")).describeVersion,
};

/** Those that are about all the others. */
export const NEEDS_ALL: readonly string[] = ["config", "completion"];
