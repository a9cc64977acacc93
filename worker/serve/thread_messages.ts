/** What a scan thread and whoever started it say to each other. */

/** A data folder that threads read. */
export interface DataSource {
  readonly folder: string;
  readonly node: string;
  /** Whether packets may be added to it. */
  readonly grows: boolean;
}

/** What a thread is told. Ports are transferred with it. */
export type ThreadOrder =
  /** A query is asked at the other end of the port, see `api/messages.ts`. */
  | {
    readonly kind: "query";
    readonly port: MessagePort;
    readonly source: DataSource;
  }
  /** A file is wanted, see {@link FileHead}. */
  | {
    readonly kind: "file";
    readonly port: MessagePort;
    readonly source: DataSource;
    readonly wanted: WantedFile;
  }
  /** Packets were stored. */
  | { readonly kind: "stored" }
  /** Whether it hangs: if not, it says that it is alive. */
  | { readonly kind: "ping" };

/** What a thread says. */
export type ThreadNews =
  /** One of what was asked is over. */
  | { readonly kind: "over" }
  | { readonly kind: "alive" }
  /** Whether it wants to know that packets were stored. */
  | { readonly kind: "listens"; readonly listens: boolean }
  /** Something of ours is wrong; what asked for it was told that it failed. */
  | { readonly kind: "fault"; readonly text: string };

/** What a thread gives beside answers to queries. */
export type WantedFile =
  | {
    readonly what: "entry";
    readonly id: string;
    /** Of the plan that the entry was found with. */
    readonly redact: string | undefined;
  }
  | {
    readonly what: "body";
    readonly id: string;
    readonly half: "request" | "response";
    readonly redact: string | undefined;
  }
  | {
    readonly what: "entry packets";
    readonly id: string;
    /** Those of its whole conversation. */
    readonly conversation: boolean;
  }
  /** What answers called whom; only those that were seen since then, µs. */
  | { readonly what: "names"; readonly since: number }
  /** Packets of a plan: `PacketsAsk` as it was posted. */
  | { readonly what: "packets"; readonly ask: string };

/**
 * What comes first through the channel of a file, as JSON. Then, as credit is
 * granted, its bytes, and behind the last of them {@link FILE_END}.
 */
export interface FileHead {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
}

/** Says that all of a file was sent. */
export const FILE_END = "end";
