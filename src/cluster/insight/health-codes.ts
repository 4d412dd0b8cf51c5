/**
 * The table of all reasons for which a cluster is not well. No other file adds a code. Each has a
 * severity, how long it must last before it counts, a sentence, and what an operator should do.
 */

/** The verdict on a cluster. */
export type HealthStatus = 'ok' | 'degraded' | 'critical';

interface HealthKind {
  readonly severity: Exclude<HealthStatus, 'ok'>;
  /** A shorter fault is not reported: changes of members and first comparisons pass by. */
  readonly holdMs: number;
  /** The sentence that says what is wrong. Details follow it. */
  readonly what: string;
  readonly todo: string;
}

const kind = (
  severity: HealthKind['severity'],
  holdMs: number,
  [what, todo]: readonly [string, string],
): HealthKind => ({ severity, holdMs, what, todo });

/** Every code, the worst first. Reasons are listed in this order. */
export const HEALTH_KINDS = {
  'quorum-lost': kind('critical', 0, [
    'Most owners of some partitions cannot be reached',
    'Start the nodes that are down, or mend the network between the nodes.',
  ]),
  'keys-unreadable': kind('critical', 0, [
    'No node can read some keys',
    'Write these keys again, or restore them from a backup.',
  ]),
  'owners-unknown': kind('critical', 10_000, [
    'A node does not know the owners of keys',
    'Start the members that it waits for, or declare those gone that will not return.',
  ]),
  'node-unreachable': kind('degraded', 0, [
    'A node does not answer',
    'Start the node or its machine. If it will never return: mec leave --force NAME.',
  ]),
  'node-refused': kind('degraded', 0, [
    'Two nodes refuse each other',
    'Correct the configuration that the text names, and start that node again.',
  ]),
  'disk-full': kind('degraded', 0, [
    'A disk is full: its node neither reads nor writes',
    'Make room on the disk. The node goes on by itself.',
  ]),
  'disk-failed': kind('degraded', 0, [
    'A node cannot use its store',
    'Read the log of the node. If its disk is broken, replace it and start with an empty root.',
  ]),
  'disk-nearly-full': kind('degraded', 0, [
    'A disk is nearly full',
    'Make room, delete data, or add a node.',
  ]),
  'under-replicated': kind('degraded', 5_000, [
    'Some partitions have fewer replicas than they should',
    'Wait until nodes have caught up, and start those that are down.',
  ]),
  'too-few-nodes': kind('degraded', 10_000, [
    'There are fewer nodes than replicas wanted',
    'Add a node: with the next loss of a disk, data could be lost.',
  ]),
  'not-ready': kind('degraded', 10_000, [
    'A node is not ready for requests',
    'Wait. If it lasts, look at what the node waits for in mec status.',
  ]),
  'sync-stuck': kind('degraded', 0, [
    'Catching up makes no progress',
    'Look at the network to the named node. If it is well, start this one again.',
  ]),
  'clock-skew': kind('degraded', 0, [
    'Wall clocks differ by more than a second',
    'Mend the time synchronisation (NTP) of the machine whose clock is wrong.',
  ]),
  'store-damaged': kind('degraded', 0, [
    'A store is damaged and under repair',
    'Wait. If it lasts, start the nodes that are down: they may have the data.',
  ]),
  'damage-found': kind('degraded', 0, [
    'A disk has returned damaged data in the last hour, and it was mended',
    'Check the disk of the node. Replace it if this happens again.',
  ]),
  'many-siblings': kind('degraded', 0, [
    'A key has half as many siblings as there may be, or more',
    'Find the key with mec top --by siblings, and its writers with mec explain KEY.',
  ]),
  'members-disagree': kind('degraded', 10_000, [
    'Nodes know different members',
    'Look at the network between the nodes: news about members does not arrive.',
  ]),
  'policies-differ': kind('degraded', 10_000, [
    'Nodes have different policies or quorums',
    'Give all nodes the same [quorum] and [[policy]] tables, and start them again.',
  ]),
  'handoff-waits': kind('degraded', 60_000, [
    'A node waits to join or leave',
    'Start the nodes that it waits for, or declare those gone that will not return.',
  ]),
} as const satisfies Record<string, HealthKind>;

/** A code of `HEALTH_KINDS`. */
export type HealthCode = keyof typeof HEALTH_KINDS;

/** Whether a value is a code of the table. Codes also arrive from peers. */
export const isHealthCode = (text: unknown): text is HealthCode =>
  typeof text === 'string' && Object.hasOwn(HEALTH_KINDS, text);
