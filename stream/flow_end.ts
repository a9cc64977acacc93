/** One of the two ends of a flow. */
export interface FlowEnd {
  readonly ip: string;
  /** Absent where the transport has none (ICMP). */
  readonly port?: number | undefined;
  /** Its pod's address, if its own is one that every pod has. */
  readonly podIp?: string | undefined;
}
