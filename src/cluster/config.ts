/** The configuration of a node, as the rooms above hand it in. */
import type { Address } from '../base/env.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import type { Policy } from './policies.ts';

/** Everything that a node can be told. */
export interface Config {
  /** Unique in the cluster. */
  readonly name: string;
  /** Address to bind, and the one by which the other nodes know this one. */
  readonly host: string;
  /** Membership; `port + 1` carries data. */
  readonly port: number;
  readonly httpport: number;
  /** Data directory. */
  readonly root: string;
  /** What may fail together with this node, as a rack; no two owners of a key share one while there are enough. */
  readonly zone: string | undefined;
  /** How much this node is to hold, relative to the others. */
  readonly weight: number;
  /** Where to look for the cluster (this node may be among them). */
  readonly nodes: readonly Address[];
  readonly quorum: { readonly n: number; readonly r: Quorum; readonly w: Quorum; readonly timeoutMs: number };
  readonly storage: { readonly sync: boolean };
  readonly http: {
    readonly maxValueBytes: number;
    /** Whose pages may speak to this node from a browser, `https://app.example`, or `*` for all. */
    readonly origins: readonly string[];
  };
  /** For the keys with a prefix. */
  readonly policies: readonly Policy[];
}
