/** The words of users: tokens, writes, and the surroundings of a user. */
import type { Config } from '../cluster/config.ts';
import type { Policy } from '../cluster/policies.ts';
import type { SimCluster } from './cluster.ts';
import type { Match, Oracle } from './oracle.ts';
import type { Promises, Quorums } from './promises.ts';

/** A token of a user, with the writes that the user has seen. */
export interface UserToken {
  readonly text: string | undefined;
  readonly seen: ReadonlySet<number>;
  /** The writes that the token certainly names, and their dots. */
  readonly direct: ReadonlySet<number>;
  readonly dots: readonly string[];
  /** Whether this answers a delete, after which the user must not see these writes. */
  readonly isGone?: boolean;
}

/** How a client writes. Without options, it writes as a client that has seen nothing. */
export interface UserWrite {
  readonly token?: UserToken | undefined;
  readonly isDelete?: boolean;
  /** The write replaces all versions that a quorum sees. */
  readonly replaces?: boolean;
  /** The write must only be made on this state. */
  readonly match?: Match;
  /** The header that names the write, so that it can be sent again. */
  readonly name?: 'idempotency-key' | 'x-mec-write-id';
  readonly isShortLived?: boolean;
  /** The write has a token that the user has made up, with dots that no node ever gave. */
  readonly isForged?: boolean;
}

/** Parameters of a request, in place of the configuration. */
export type Query = Quorums & { readonly timeoutMs?: number };

/** The requests of the users of a run, and the configuration of the nodes. */
export interface Workload {
  /** The share of operations for which a user stays with its node. */
  readonly stayRate: number;
  /** The largest value, in bytes. */
  readonly valueBytes: number;
  /** The parameters of requests. Each is drawn as often as it is listed. */
  readonly queries: readonly Query[];
  readonly quorum: Config['quorum'];
  readonly policies: readonly Policy[];
}

/** The parts of a run that a user needs. */
export interface UserOptions {
  readonly name: string;
  readonly cluster: SimCluster;
  readonly plan: Workload;
  readonly oracle: Oracle;
  readonly promises: Promises;
  readonly keys: readonly string[];
}
