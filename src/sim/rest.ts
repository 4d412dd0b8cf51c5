/**
 * The end of a run: all faults are over, no node has anything left to do, and every key has only
 * versions that it may have. This must hold again after one more record is lost, and after versions
 * have expired.
 */
import { bytesToUtf8 } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import { EXPIRY_TURN_MS } from '../cluster/limits.ts';
import { unpackContent } from '../core/value/content.ts';
import { compareDots, type ObjectVersion } from '../core/causality/object.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { isSealed } from '../storage/at-rest/sealed-engine.ts';
import { hasContent } from '../storage/keyspace.ts';
import type { BareScene } from './chaos.ts';
import type { SimCluster, SimNode } from './cluster.ts';
import { readKey } from './http.ts';
import { keyPolicyOf } from './key-policies.ts';
import type { SimPlan } from './plan.ts';
import type { ReplicaJudge } from './replica-judge.ts';

/** The parts of a run that its end looks at. */
export type EndedRun = Pick<BareScene, 'cluster' | 'oracle' | 'keys'> & {
  readonly judge: ReplicaJudge;
};

/**
 * The longest time in which a cluster without faults may come to rest. The slowest owners differ
 * after an outage of minutes, and compare one partition at a time. They compare once a second with
 * a random peer, and pause for `busyMs` up to 15 s. After each round of `lostAfterMs`, another
 * comparison must find the rest. The slowest of 360 seeds took 43.8 s.
 */
export const HEAL_MS = 300_000;
/** The longest time for which one disk may lack a record while scrubs run every second. */
const MENDED_MS = 60_000;
/** Longer than any request may take: after this time, none is left. */
const QUIET_MS = 9_000;
/** Longer than any message is under way. */
const ARRIVE_MS = 500;
/** The run does not wait for a later expiry, which a clock that was ahead has made. */
const SOON_MS = 20_000;
/** The longest time for a read at a node at rest. */
const SERVED_MS = 9_000;
/** Longer than a node keeps a snapshot for which no other node asks any more. */
const SEALED_MS = 60_000;
/** Turns of owners until an expired version is gone: each may have to wait for those before it. */
const EXPIRY_TURNS = 8;

/** Waits until the cluster is at rest, and judges it. */
export async function checkRest(run: EndedRun, { silent }: SimPlan): Promise<void> {
  const { cluster, oracle } = run;
  const { world } = cluster;
  if (!cluster.isAtRest())
    oracle.violations.push(`no rest after ${HEAL_MS} ms:\n${cluster.describeUnrest()}`);
  await world.run(world.nowMs + QUIET_MS);
  // At this moment a probe and an exchange of lists may be under way to one peer. Their answers
  // come soon or never.
  if (cluster.unfinishedWork().length > 0)
    await world.run(world.nowMs + ARRIVE_MS, () => cluster.unfinishedWork().length === 0);
  for (const text of cluster.unfinishedWork()) oracle.violations.push(text);
  for (const { name, mustBecome, hasLeft } of cluster.nodes) {
    if (mustBecome === undefined || (mustBecome === 'gone') === hasLeft) continue;
    oracle.violations.push(`${name} must be ${mustBecome}, and is ${hasLeft ? 'gone' : 'there'}`);
  }
  await checkEncryption(run);
  await checkService(run);
  checkEnd(run);
  if (oracle.violations.length > 0) return;
  await checkExpiry(run);
  if (silent === 'nothing' || oracle.violations.length > 0) return;
  run.judge.isOn = false;
  await checkRepair(run, silent);
  checkEnd(run);
}

/** Checks that an encrypted store has no value in plain form any more. */
async function checkEncryption({ cluster, oracle }: EndedRun): Promise<void> {
  const { world } = cluster;
  const isDone = ({ node }: SimNode): boolean => node?.storeStatus.encrypted !== 'partly';
  await world.run(world.nowMs + SEALED_MS, () => cluster.nodes.every(isDone));
  for (const { name, node, disk } of cluster.nodes) {
    if (node === undefined || node.storeStatus.encrypted === 'no') continue;
    const plain = [...disk.rows].find(([row, record]) => hasContent(row) && !isSealed(record));
    if (plain !== undefined) oracle.violations.push(`${name} has a plain record of ${plain[0]}`);
    else if (node.storeStatus.encrypted !== 'all')
      oracle.violations.push(`${name} still rewrites its records`);
  }
}

/** Checks that every node answers a read. One that waits for a member would do so for ever. */
async function checkService({ cluster, oracle, keys }: EndedRun): Promise<void> {
  const { world } = cluster;
  const key = world.dice.pick(keys);
  const waiting = new Set(cluster.nodes.filter(({ hasLeft }) => !hasLeft));
  for (const node of waiting) {
    readKey(node, key).then(
      () => waiting.delete(node),
      (error: unknown) => {
        waiting.delete(node);
        oracle.violations.push(`${node.name} does not serve ${key}: ${messageOf(error)}`);
      },
    );
  }
  await world.run(world.nowMs + SERVED_MS, () => waiting.size === 0);
  for (const { name } of waiting) oracle.violations.push(`${name} does not answer for ${key}`);
}

/**
 * Waits for versions that expire soon. Then they are gone, and no version that they hid is back.
 */
async function checkExpiry(run: EndedRun): Promise<void> {
  const { cluster, oracle, keys } = run;
  const { world, rightMicros } = cluster;
  const soonMicros = rightMicros + 1_000 * SOON_MS;
  const ends = oracle.history.made
    .flatMap(({ expiry }) => expiry?.most ?? [])
    .filter((micros) => micros < soonMicros);
  const leftMs = (Math.max(0, ...ends) - rightMicros) / 1_000;
  if (leftMs < -EXPIRY_TURNS * EXPIRY_TURN_MS) return;
  const ownersOf = (key: string): SimNode[] => cluster.nodes.filter((node) => node.owns(key));
  const shown = new Map(keys.map((key) => [key, shownOf(key, versionsAt(ownersOf(key)[0], key))]));
  const isOver = ({ body }: ObjectVersion<Uint8Array>): boolean =>
    (expiresOf(body) ?? Infinity) < soonMicros;
  const isGone = (key: string): boolean =>
    ownersOf(key).every((node) => !versionsAt(node, key).some(isOver));
  await world.run(world.nowMs + Math.max(0, leftMs));
  await world.run(
    world.nowMs + EXPIRY_TURNS * EXPIRY_TURN_MS,
    () => keys.every(isGone) && cluster.isAtRest(),
  );
  for (const key of keys) {
    if (!isGone(key)) oracle.violations.push(`${key} still has what has expired on all clocks`);
    // A version that a living one hides may still be there, and is not shown.
    const back = shownOf(key, versionsAt(ownersOf(key)[0], key)).find(
      (name) => shown.get(key)?.includes(name) === false,
    );
    if (back !== undefined)
      oracle.violations.push(`${key} has ${back}, which what has expired had hidden`);
  }
  checkEnd(run);
}

const nameOf = ({ actor, counter }: ObjectVersion<Uint8Array>): string => `${actor}:${counter}`;

const expiresOf = (body: Uint8Array): number | undefined => unpackContent(body).expiresMicros;

/** Returns the versions of a key that readers may ever see. */
function shownOf(key: string, versions: readonly ObjectVersion<Uint8Array>[]): string[] {
  if (keyPolicyOf(key).siblings === 'keep') return versions.map(nameOf);
  const timeOf = ({ body }: ObjectVersion<Uint8Array>): number =>
    unpackContent(body).timestampMicros;
  const newestFirst = [...versions].sort((a, b) => timeOf(b) - timeOf(a) || compareDots(b, a));
  return newestFirst.slice(0, 1).map(nameOf);
}

function versionsAt(at: SimNode | undefined, key: string): readonly ObjectVersion<Uint8Array>[] {
  return at?.node?.peek(key).versions ?? [];
}

/**
 * Silently damages a record on one disk of a cluster at rest. Resolves when the record is back, or
 * when that takes too long.
 */
async function checkRepair({ cluster, keys }: EndedRun, kind: 'lose' | 'misplace'): Promise<void> {
  const { world, nodes } = cluster;
  const held = keys.filter((key) =>
    nodes.some((node) => node.owns(key) && versionsAt(node, key).length > 0),
  );
  if (held.length === 0) return;
  const key = world.dice.pick(held);
  const owners = nodes.filter((node) => node.owns(key));
  const victim = world.dice.pick(owners);
  world.trace(`${victim.name}: ${kind} ${key}`);
  // A process would read its cache, and never see the damage.
  victim.crash();
  victim.disk[kind](key);
  victim.start();
  // A record under another row may lie in the place of another key's record.
  const isWhole = (one: string): boolean =>
    ownersOf(cluster, one).every((node) => versionsAt(node, one).length > 0);
  const isBack = (): boolean => cluster.isAtRest() && held.every(isWhole);
  await world.run(world.nowMs + MENDED_MS, isBack);
}

/** Judges the versions of every key at every owner, without requests. */
function checkEnd({ cluster, oracle, keys }: Pick<EndedRun, 'cluster' | 'oracle' | 'keys'>): void {
  const { history } = oracle;
  for (const key of keys) {
    const states = new Map<string, string>();
    for (const { name, node } of ownersOf(cluster, key)) {
      if (node === undefined) continue;
      try {
        const { versions } = node.peek(key);
        const ids = versions.map((version) => {
          const id = Number.parseInt(bytesToUtf8(unpackContent(version.body).value) ?? '', 10);
          history.recordName(key, { kind: 'dot', name: nameOf(version) }, id);
          return id;
        });
        ids.sort((a, b) => a - b);
        states.set(name, ids.join(' '));
        oracle.checkFinalState(key, [...new Set(ids)]);
      } catch (error) {
        oracle.violations.push(`${name} cannot read ${key}: ${messageOf(error)}`);
      }
    }
    if (new Set(states.values()).size > 1) {
      const text = [...states].map(([name, ids]) => `${name}: ${ids || 'nothing'}`).join(', ');
      oracle.violations.push(
        `the owners of ${key} (partition ${partitionOf(key)}) differ: ${text}`,
      );
    }
  }
}

const ownersOf = ({ nodes }: SimCluster, key: string): SimNode[] =>
  nodes.filter((node) => node.owns(key));
