/**
 * One run: a cluster is born, is used while everything that can fail fails, then all faults end and it has to come to rest: all
 * owners equal, logs cut, guests gone, deleted keys without a byte, and every key holding just what it may.
 */
import { bytesToUtf8 } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import { unpackContent } from '../core/content.ts';
import { partitionOf } from '../core/partition.ts';
import { type Stage, startChaos, type Strike } from './chaos.ts';
import { SimCluster, type SimNode } from './cluster.ts';
import { DiskBudget } from './scene.ts';
import type { Front } from './front.ts';
import { FAIR_WEATHER } from './network.ts';
import { Oracle } from './oracle.ts';
import { drawPlan, type SimPlan } from './plan.ts';
import { type Operation, SimClient } from './workload.ts';
import { World } from './world.ts';

/** What a run may be given beside its seed; all the rest is drawn from the seed. */
export interface SimOptions {
  readonly seed: number;
  readonly front: Front;
  readonly nodes?: number | undefined;
  readonly operations?: number | undefined;
  /** Ends with the first violation. */
  readonly isBrief?: boolean | undefined;
  /** Only these kinds of faults. */
  readonly faults?: readonly string[] | undefined;
  /** Disks break their promise, and call a batch safe before it is: to see that caught. */
  readonly doDisksLie?: boolean | undefined;
  /** Only these faults and these operations of the run, by number. */
  readonly only?: Partial<SimSubset> | undefined;
}

/** A part of what happens in a run. */
export interface SimSubset {
  readonly strikes: readonly number[];
  readonly operations: readonly number[];
}

/** What came of a run. */
export interface SimResult {
  readonly seed: number;
  readonly nodes: number;
  readonly acknowledged: number;
  /** What clients did, and which faults struck, as they came. */
  readonly operations: readonly Operation[];
  readonly strikes: readonly Strike[];
  readonly violations: readonly string[];
  /** Virtual time, in all and from the end of the faults to rest. */
  readonly virtualMs: number;
  readonly healMs: number;
  readonly events: number;
  /** Equal for two runs of one seed. */
  readonly digest: number;
  /** The last of what happened, for people. */
  readonly lines: readonly string[];
}

const BIRTH_MS = 30_000;
const HEAL_MS = 40_000;
/** Longer than any request may take: after it none is left. */
const QUIET_MS = 5_000;
/** Longer than any message is under way. */
const ARRIVE_MS = 500;

/** Runs one seed. */
export async function simulate(options: SimOptions): Promise<SimResult> {
  const { seed, front } = options;
  const world = new World(seed);
  const plan = drawPlan(world.dice.fork(), options);
  const cluster = new SimCluster(world, { count: plan.nodes, front, limits: plan.limits });
  const oracle = new Oracle(plan.nodes === 3);
  const chaosDice = world.dice.fork();
  for (const node of cluster.nodes) {
    node.disk.liesAboutSync = options.doDisksLie === true;
    node.start();
  }
  await world.run(BIRTH_MS, () => cluster.isAtRest());
  if (!cluster.isAtRest()) oracle.violations.push(`the cluster was not born:\n${cluster.unrest()}`);

  // Quorums of a cluster of one intersect with nobody's.
  cluster.onBegin = () => (oracle.isStrict = false);
  const keys = crowdedKeys(plan, world.dice.below(1_000));
  for (const node of cluster.nodes) node.disk.delayMs = 1 + world.dice.below(plan.diskMs);
  cluster.network.weather.delayMs = plan.networkMs;
  const clients = hireClients({ cluster, oracle, keys }, plan, options);
  const stage = { cluster, oracle, keys, copies: new Map(), disks: new DiskBudget() };
  const only = options.only?.strikes && new Set(options.only.strikes);
  const chaos = startChaos(stage, { plan, dice: chaosDice, only });
  for (const client of clients) client.start();
  const isFailed = (): boolean => options.isBrief === true && oracle.violations.length > 0;
  const areDone = (): boolean => clients.every(({ isDone }) => isDone);
  await world.run(world.nowMs + plan.chaosMs, () => areDone() || isFailed());

  chaos.end();
  const healedMs = world.nowMs;
  if (!isFailed()) {
    healAll(cluster);
    for (const client of clients) client.hurry();
    await world.run(healedMs + HEAL_MS, () => areDone() || isFailed());
    await world.run(world.nowMs + HEAL_MS, () => cluster.isAtRest() || isFailed());
  }
  const healMs = world.nowMs - healedMs;
  if (!isFailed()) await checkRest({ cluster, oracle, keys }, plan);
  return {
    seed,
    nodes: plan.nodes,
    acknowledged: oracle.made.filter(({ isAcknowledged }) => isAcknowledged).length,
    operations: clients.flatMap(({ done }) => done).sort((a, b) => a.index - b.index),
    strikes: chaos.strikes,
    violations: [...new Set(oracle.violations)],
    virtualMs: world.nowMs,
    healMs,
    events: world.events,
    digest: world.digest,
    lines: world.lines,
  };
}

/** What is used and looked at in a run. */
type Setting = Pick<Stage, 'cluster' | 'oracle' | 'keys'>;

function hireClients(
  { cluster, oracle, keys }: Setting,
  plan: SimPlan,
  { operations = 400, only }: SimOptions,
): SimClient[] {
  return Array.from({ length: plan.clients }, (_, number) => {
    return new SimClient(cluster, {
      number,
      plan,
      oracle,
      keys,
      operations: Math.ceil(operations / plan.clients),
      dice: cluster.world.dice.fork(),
      only: only?.operations && new Set(only.operations),
    });
  });
}

/** All faults are over: nobody has anything left to do, and everything is as it should be, even after one more record is lost. */
async function checkRest({ cluster, oracle, keys }: Setting, { silent }: SimPlan): Promise<void> {
  const { world } = cluster;
  if (!cluster.isAtRest()) oracle.violations.push(`no rest after ${HEAL_MS} ms:\n${cluster.unrest()}`);
  await world.run(world.nowMs + QUIET_MS);
  // A probe and an exchange of whole lists may be on their way to one peer at this very moment: what is waited for comes soon, or never.
  if (cluster.leftovers().length > 0) await world.run(world.nowMs + ARRIVE_MS, () => cluster.leftovers().length === 0);
  for (const text of cluster.leftovers()) oracle.violations.push(text);
  checkEnd(cluster, oracle, keys);
  if (silent === 'nothing' || oracle.violations.length > 0) return;
  await damage(cluster, keys, silent);
  checkEnd(cluster, oracle, keys);
}

/** Damages a record of a cluster at rest, on one disk, silently; resolves when it is as it was, or when that takes too long. */
async function damage(cluster: SimCluster, keys: readonly string[], kind: 'lose' | 'misplace'): Promise<void> {
  const { world, nodes } = cluster;
  const held = keys.filter((key) => nodes.some((node) => node.owns(key) && versionsOf(node, key) > 0));
  if (held.length === 0) return;
  const key = world.dice.pick(held);
  const owners = nodes.filter((node) => node.owns(key));
  const victim = world.dice.pick(owners);
  world.trace(`${victim.name}: ${kind} ${key}`);
  victim.disk[kind](key);
  const isBack = (): boolean => cluster.isAtRest() && owners.every((node) => versionsOf(node, key) > 0);
  await world.run(world.nowMs + HEAL_MS, isBack);
}

const versionsOf = ({ node }: SimNode, key: string): number => node?.peek(key).versions.length ?? 0;

/** A few keys in few partitions: what goes wrong goes wrong between keys that share a clock. */
function crowdedKeys({ partitions, keysEach }: SimPlan, start: number): string[] {
  const byPartition = new Map<number, string[]>();
  for (let i = start; ; i++) {
    const key = `k${i}`;
    const list = byPartition.get(partitionOf(key)) ?? [];
    list.push(key);
    byPartition.set(partitionOf(key), list);
    const crowded = [...byPartition.values()].filter(({ length }) => length >= keysEach);
    if (crowded.length >= partitions) return crowded.slice(0, partitions).flatMap((keys) => keys.slice(0, keysEach));
  }
}

function healAll({ nodes, network }: SimCluster): void {
  network.cuts.clear();
  Object.assign(network.weather, FAIR_WEATHER);
  for (const node of nodes) {
    Object.assign(node.disk, { delayMs: 1, failRate: 0, isFull: false });
    if (node.life?.isPaused === true) node.life.resume();
    node.start();
  }
}

function checkEnd({ nodes }: SimCluster, oracle: Oracle, keys: readonly string[]): void {
  for (const key of keys) {
    const partition = partitionOf(key);
    const states = new Map<string, string>();
    for (const { name, node } of nodes.filter((each) => each.owns(key))) {
      if (node === undefined) continue;
      try {
        const { versions } = node.peek(key);
        const ids = versions.map(({ actor, counter, body }) => {
          const id = Number.parseInt(bytesToUtf8(unpackContent(body).value) ?? '', 10);
          oracle.named(key, { kind: 'dot', name: `${actor} ${counter}` }, id);
          return id;
        });
        ids.sort((a, b) => a - b);
        states.set(name, ids.join(' '));
        oracle.atTheEnd(key, ids);
      } catch (error) {
        oracle.violations.push(`${name} cannot read ${key}: ${messageOf(error)}`);
      }
    }
    if (new Set(states.values()).size > 1) {
      const text = [...states].map(([name, ids]) => `${name}: ${ids || 'nothing'}`).join(', ');
      oracle.violations.push(`the owners of ${key} (partition ${partition}) differ: ${text}`);
    }
  }
}
