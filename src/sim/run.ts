/**
 * One run: a cluster is born, is used while everything that can fail fails, then all faults end and it has to come to rest: all
 * owners equal, logs cut, guests gone, deleted keys without a byte, and every key holding just what it may.
 */
import { bytesToUtf8 } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import type { Dot } from '../core/causal-context.ts';
import { unpackContent } from '../core/content.ts';
import { partitionOf } from '../core/partition.ts';
import { SimCluster } from './cluster.ts';
import { DISK_LOSSES, FAULTS, type Scene } from './faults.ts';
import { FAIR_WEATHER } from './network.ts';
import { Oracle } from './oracle.ts';
import { SimClient } from './workload.ts';
import { World } from './world.ts';

/** What a run may be given beside its seed; all the rest is drawn from the seed. */
export interface SimOptions {
  readonly seed: number;
  readonly nodes?: number | undefined;
  readonly operations?: number | undefined;
  /** Only these kinds of faults. */
  readonly faults?: readonly string[] | undefined;
}

/** What came of a run. */
export interface SimResult {
  readonly seed: number;
  readonly nodes: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly faults: readonly string[];
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
const CHAOS_MS = 40_000;
const HEAL_MS = 120_000;
/** Longer than any request may take: after it none is left. */
const QUIET_MS = 15_000;
const DISK_LOSS_RATE = 0.15;
const MAX_DISK_MS = 25;
const COPY_MS = 4_000;
const COPIES = 3;
const FAULT_GAP_MS = 3_000;
const FAULT_MS = 8_000;
const CLIENTS = 5;
const KEYS_EACH = 5;

/** Runs one seed. */
export async function simulate({ seed, nodes, operations = 400, faults }: SimOptions): Promise<SimResult> {
  const world = new World(seed);
  const count = nodes ?? world.dice.pick([3, 3, 3, 4, 5, 7]);
  const cluster = new SimCluster(world, count);
  const oracle = new Oracle(count === 3);
  for (const node of cluster.nodes) node.start();
  await world.run(BIRTH_MS, () => cluster.isAtRest());
  if (!cluster.isAtRest()) oracle.violations.push(`the cluster was not born:\n${cluster.unrest()}`);

  const keys = crowdedKeys(world);
  for (const node of cluster.nodes) node.disk.delayMs = 1 + world.dice.below(MAX_DISK_MS);
  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    return new SimClient(`c${i + 1}`, cluster, { oracle, keys, operations: Math.ceil(operations / CLIENTS) });
  });
  for (const client of clients) client.start();
  const scene: Scene = { cluster, oracle, copies: new Map(), disksToLose: 1 };
  const chaos = startFaults(scene, faults);
  await world.run(world.nowMs + CHAOS_MS);

  chaos.end();
  healAll(cluster);
  const healedMs = world.nowMs;
  await world.run(healedMs + HEAL_MS, () => clients.every(({ isDone }) => isDone) && cluster.isAtRest());
  const healMs = world.nowMs - healedMs;
  if (!cluster.isAtRest()) oracle.violations.push(`no rest after ${HEAL_MS} ms:\n${cluster.unrest()}`);
  await world.run(world.nowMs + QUIET_MS);
  for (const text of cluster.leftovers()) oracle.violations.push(text);
  checkEnd(cluster, oracle, keys);
  return {
    seed,
    nodes: count,
    operations: oracle.made.length,
    acknowledged: oracle.made.filter(({ isAcknowledged }) => isAcknowledged).length,
    faults: chaos.names,
    violations: [...new Set(oracle.violations)],
    virtualMs: world.nowMs,
    healMs,
    events: world.events,
    digest: world.digest,
    lines: world.lines,
  };
}

/** Lets faults strike, at random, each for some time, until `end` is called; that ends them all. */
function startFaults(
  scene: Scene,
  faults: readonly string[] | undefined,
): { readonly names: string[]; end: () => void } {
  const { world, nodes } = scene.cluster;
  const names: string[] = [];
  const undo = new Set<() => void>();
  let isOver = false;
  const strike = (): void => {
    if (isOver) return;
    const kinds = faults ?? (world.dice.chance(DISK_LOSS_RATE) ? DISK_LOSSES : Object.keys(FAULTS));
    const name = world.dice.pick(kinds);
    names.push(name);
    world.trace(`fault: ${name}`);
    const heal = FAULTS[name]?.(scene) ?? ((): void => {});
    undo.add(heal);
    world.after(world.dice.fraction() * FAULT_MS, () => {
      if (!undo.delete(heal)) return;
      world.trace(`end of fault: ${name}`);
      heal();
    });
    world.after(world.dice.fraction() * FAULT_GAP_MS, strike);
  };
  const copy = (): void => {
    if (isOver) return;
    for (const node of nodes) {
      scene.copies.set(node, [...(scene.copies.get(node) ?? []), new Map(node.disk.rows)].slice(-COPIES));
    }
    world.after(COPY_MS, copy);
  };
  strike();
  copy();
  const end = (): void => {
    isOver = true;
    world.trace('all faults end');
    for (const heal of undo) heal();
    undo.clear();
  };
  return { names, end };
}

/** A few keys in two partitions: what goes wrong goes wrong between keys that share a clock. */
function crowdedKeys(world: World): string[] {
  const byPartition = new Map<number, string[]>();
  const start = world.dice.below(1_000);
  for (let i = 0; ; i++) {
    const key = `k${start + i}`;
    const list = byPartition.get(partitionOf(key)) ?? [];
    list.push(key);
    byPartition.set(partitionOf(key), list);
    const crowded = [...byPartition.values()].filter(({ length }) => length >= KEYS_EACH);
    if (crowded.length >= 2) return crowded.slice(0, 2).flatMap((keys) => keys.slice(0, KEYS_EACH));
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
    for (const { name, node } of nodes) {
      if (node === undefined || !node.owns(key)) continue;
      try {
        const { versions } = node.peek(key);
        const ids = versions.map(({ body }) => Number(bytesToUtf8(unpackContent(body).value)));
        for (const [i, id] of ids.entries()) oracle.named(key, versions[i] as Dot, id);
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
