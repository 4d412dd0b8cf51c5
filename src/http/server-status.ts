/** The document of `/status`. */
import type { NodeStatus } from '../cluster/status.ts';

/** The status of the node, and of its process. */
export interface ServerStatus extends NodeStatus {
  /** The version of this software. */
  readonly version: string;
  readonly pid: number;
  /**
   * Requests in progress, requests refused since the start, and the memory of large bodies and
   * answers.
   */
  readonly http: Readonly<Record<'inFlight' | 'refused' | 'bodyBytes' | 'answerBytes', number>>;
  readonly memory: Readonly<Record<'rssBytes' | 'heapBytes', number>>;
}
