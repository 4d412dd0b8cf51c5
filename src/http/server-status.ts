/** The document of `/status`. */
import type { Health } from '../cluster/insight/verdict.ts';
import type { NodeStatus } from '../cluster/status.ts';
import type { CertificateStatus } from './certificate-life.ts';

/** The status of the node, and of its process. */
export interface ServerStatus extends NodeStatus {
  /** The version of this software. */
  readonly version: string;
  readonly pid: number;
  /** The verdict on the cluster, as in `/health`. */
  readonly health: Health;
  /**
   * Requests in progress, requests refused since the start, and the memory of large bodies and
   * answers.
   */
  readonly http: Readonly<Record<'inFlight' | 'refused' | 'bodyBytes' | 'answerBytes', number>>;
  /** The certificate of the node. Only a secured one has it. */
  readonly certificate?: CertificateStatus;
  readonly memory: Readonly<Record<'rssBytes' | 'heapBytes', number>>;
}
