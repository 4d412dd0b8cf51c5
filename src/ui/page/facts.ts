/** The JSON that the page reads from nodes. A test compares these types with those of the nodes. */

/** How a node reaches another. */
export type PeerReach = 'reachable' | 'suspect' | 'unreachable';

/** Requests of one operation: their number by bucket of time, and all their times. */
export interface Times {
  readonly counts: readonly number[];
  readonly sumMs: number;
}

/** A peer as a node reaches it. */
export interface PeerPulse {
  readonly node: string;
  readonly reach: PeerReach;
  readonly latencyMs: number;
  readonly clockSkewMs?: number | undefined;
  readonly differing: number;
}

/** The pulse of one node. */
export interface Pulse {
  readonly name: string;
  readonly state: string;
  readonly isReady: boolean;
  readonly atMs: number;
  readonly operations: Readonly<Record<string, Times | undefined>>;
  readonly failed: number;
  readonly siblingsCreated: number;
  readonly loopLagMs?: number | undefined;
  readonly store: string;
  readonly keys?: number | undefined;
  readonly storeBytes?: number | undefined;
  readonly disk?: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  readonly partitions: string;
  readonly peers: readonly PeerPulse[];
}

/** A member of the cluster. */
export interface Member {
  readonly name: string;
  readonly state: string;
  readonly address: string;
  readonly zone?: string | undefined;
}

/** The pulses of all nodes: `/cluster/status`. */
export interface Pulses {
  readonly node: string;
  readonly time: string;
  readonly bucketsMs: readonly number[];
  readonly members: readonly Member[];
  readonly nodes: readonly Pulse[];
  readonly silent: readonly string[];
}

/** A reason for a verdict. */
export interface Reason {
  readonly code: string;
  readonly severity: 'degraded' | 'critical';
  readonly since: string;
  readonly what: string;
  readonly todo: string;
  readonly nodes: readonly string[];
}

/** The verdict on the cluster: `/health`. */
export interface ClusterVerdict {
  readonly status: 'ok' | 'degraded' | 'critical';
  readonly reasons: readonly Reason[];
}

/** A version of a key, and its state at each holder. */
export interface HeldVersion {
  readonly dot: string;
  readonly takenBy: string;
  readonly time?: string | undefined;
  readonly clientId?: string | undefined;
  readonly bytes: number;
  readonly isCurrent: boolean;
  readonly holders: Readonly<Record<string, string>>;
}

/** A holder of a key. */
export interface KeyHolder {
  readonly node: string;
  readonly role: string;
  readonly reach: string;
  readonly answeredAt?: string | undefined;
  readonly isComplete?: boolean | undefined;
}

/** The effect that a write would have. */
export interface Prediction {
  readonly coordinator: string;
  readonly replaces: readonly string[];
  readonly leaves: readonly string[];
  readonly refused?: string | undefined;
}

/** The explanation of a key: `/cluster/explain/KEY`. */
export interface Explanation {
  readonly key: string;
  readonly partition: number;
  readonly holders: readonly KeyHolder[];
  readonly versions: readonly HeldVersion[];
  readonly pairs: readonly { readonly dots: readonly string[]; readonly why: string }[];
  readonly ifYouWrite?: Prediction | undefined;
}

/** Keys at the top: `/cluster/top`. */
export interface Top {
  readonly by: string;
  readonly keys: readonly {
    readonly key: string;
    readonly value: number;
    readonly error?: number | undefined;
  }[];
  readonly halvedEveryMs?: number | undefined;
  readonly silent: readonly string[];
}

/** A slow request. */
export interface SlowRequest {
  readonly node: string;
  readonly time: string;
  readonly operation: string;
  readonly key?: string | undefined;
  readonly keyHash: string;
  readonly partition: number;
  readonly tookMs: number;
  readonly waitedForDiskMs?: number | undefined;
  readonly peers: Readonly<Record<string, number>>;
  readonly hedged: number;
  readonly loopLagMs?: number | undefined;
  readonly failed?: string | undefined;
}

/** Slow requests of all nodes: `/cluster/slow`. */
export interface Slow {
  readonly operations: readonly SlowRequest[];
  readonly silent: readonly string[];
}

/** A page of keys: `/mec`. */
export interface ListedKeys {
  readonly keys: readonly string[];
  readonly next: string | null;
}

/** The size of all keys with a prefix: `/mec?count=true`. */
export interface PrefixCount {
  readonly keys: number;
  readonly siblings: number;
  readonly values: number;
  readonly bytes: number;
}
