/** How commands end that a cluster stopped (DESIGN §8). */
import type { ClusterError, ClusterFault } from "../../k8s/cluster_error.ts";
import { EXIT, type ExitCode } from "../exit.ts";

const CODES: Readonly<Record<ClusterFault, ExitCode>> = {
  config: EXIT.MISUSED,
  unauthorized: EXIT.NO_RIGHT,
  forbidden: EXIT.NO_RIGHT,
  unreachable: EXIT.NOT_READY,
  busy: EXIT.NOT_READY,
  missing: EXIT.FAILED,
  conflict: EXIT.FAILED,
  expired: EXIT.FAILED,
  invalid: EXIT.FAILED,
  server: EXIT.FAILED,
};

/** How a command ends that a cluster stopped. */
export const exitCodeOfCluster = ({ fault }: ClusterError): ExitCode =>
  CODES[fault];
