/**
 * A run of the simulator. A cluster is born and used while faults strike. Then all faults end, and
 * the cluster must come to rest: all owners are equal, logs are cut, fallbacks and deleted keys are
 * gone, and every key has only versions that it may have.
 */
import { PROTOCOL, type ProtocolRange } from '../transport/protocol.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { type InjectedFault, startChaos } from './chaos.ts';
import { SimCluster } from './cluster.ts';
import { DiskBudget } from './scene.ts';
import { ListJudge } from './list-judge.ts';
import { IDEAL_CONDITIONS } from './network.ts';
import { Oracle } from './oracle.ts';
import { drawPlan, type PlanOverrides, type SimPlan } from './plan.ts';
import { MemberJudge } from './member-judge.ts';
import { startMerging } from './merging.ts';
import { Promises } from './promises.ts';
import { ReplicaJudge } from './replica-judge.ts';
import { firstAdministrator } from './identities.ts';
import { LedgerOperator } from './ledger-operator.ts';
import { checkRest, type EndedRun, HEAL_MS } from './rest.ts';
import { type Operation, SimClient } from './workload.ts';
import { World } from './world.ts';

/** This release and the next: some nodes are upgraded already. */
const PROTOCOLS: readonly ProtocolRange[] = [
  PROTOCOL,
  { oldest: PROTOCOL.newest, newest: PROTOCOL.newest + 1 },
];

/** The seed of a run, and options. The rest of the run is drawn from the seed. */
export interface SimOptions extends PlanOverrides {
  readonly seed: number;
  readonly operations?: number | undefined;
  /** Whether to end with the first violation. */
  readonly isBrief?: boolean | undefined;
  /**
   * Whether disks acknowledge a batch before it is safe: a planted bug, which the run must catch.
   */
  readonly doDisksLie?: boolean | undefined;
  /** Only these faults and these operations of the run, by number. */
  readonly only?: Partial<SimSubset> | undefined;
}

/** Numbers of faults and operations of a run. */
export interface SimSubset {
  readonly faults: readonly number[];
  readonly operations: readonly number[];
}

/** The result of a run. */
export interface SimResult {
  readonly seed: number;
  readonly nodes: number;
  readonly acknowledged: number;
  /** The operations of clients and the faults, in their order. */
  readonly operations: readonly Operation[];
  readonly faults: readonly InjectedFault[];
  readonly violations: readonly string[];
  /** The virtual time of the whole run, and from the end of the faults to rest. */
  readonly virtualMs: number;
  readonly healMs: number;
  readonly events: number;
  /** A hash of all events: two runs of one seed have the same. */
  readonly digest: number;
  /** The last events, as text. */
  readonly lines: readonly string[];
}

const BIRTH_MS = 30_000;
/** Longer than a client without pauses needs for the rest of its operations. */
const HURRY_MS = 120_000;

/** Runs one seed. An error that no code handles would end a real process: it is a violation. */
export async function simulate(options: SimOptions): Promise<SimResult> {
  const world = new World(options.seed);
  const fail = (reason: unknown): void => world.onError?.(reason);
  process.on('unhandledRejection', fail);
  try {
    return await runIn(world, options);
  } finally {
    process.off('unhandledRejection', fail);
  }
}

async function runIn(world: World, options: SimOptions): Promise<SimResult> {
  const plan = drawPlan(world.dice.fork(), options);
  const cluster = clusterOf(world, plan);
  const promises = new Promises(cluster);
  const oracle = new Oracle(promises, cluster.clocks);
  world.onError = (error) => oracle.history.violate(`no code handles ${textOf(error)}`);
  const chaosDice = world.dice.fork();
  for (const node of cluster.nodes) {
    node.disk.liesAboutSync = options.doDisksLie === true;
    node.disk.delayMs = 1 + world.dice.below(plan.diskMs);
    node.skewMs = (world.dice.fraction() - 0.5) * 2 * plan.skewMs;
    node.start();
  }
  await world.run(BIRTH_MS, () => cluster.isAtRest());
  if (!cluster.isAtRest())
    oracle.violations.push(`the cluster was not born:\n${cluster.describeUnrest()}`);

  cluster.isBorn = true;
  const keys = crowdedKeys(plan, world.dice.below(1_000));
  cluster.network.conditions.delayMs = plan.networkMs;
  oracle.history.areClocksApart = plan.skewMs > 0;
  const judge = startJudges(cluster, oracle, keys);
  const clients = createClients({ cluster, oracle, promises, keys, plan }, options);
  const scene = { cluster, oracle, keys, copies: new Map(), disks: new DiskBudget() };
  const only = options.only?.faults && new Set(options.only.faults);
  const operator = startOperator(cluster, plan, oracle);
  const chaos = startChaos(scene, { plan, dice: chaosDice, only });
  for (const client of clients) client.start();
  const isFailed = (): boolean => options.isBrief === true && oracle.violations.length > 0;
  const areDone = (): boolean => clients.every(({ isDone }) => isDone);
  await world.run(world.nowMs + plan.chaosMs, () => areDone() || isFailed());

  chaos.end();
  operator?.stop();
  const healedMs = world.nowMs;
  if (!isFailed()) {
    healAll(cluster);
    for (const client of clients) client.hurry();
    await world.run(healedMs + HURRY_MS, () => areDone() || isFailed());
    await world.run(world.nowMs + HEAL_MS, () => cluster.isAtRest() || isFailed());
  }
  const healMs = world.nowMs - healedMs;
  if (!isFailed()) operator?.judge();
  if (!isFailed()) await checkRest({ cluster, oracle, keys, judge }, plan);
  return {
    seed: options.seed,
    nodes: plan.nodes,
    acknowledged: oracle.history.made.filter(({ isAcknowledged }) => isAcknowledged).length,
    operations: clients.flatMap(({ done }) => done).sort((a, b) => a.index - b.index),
    faults: chaos.faults,
    violations: [...new Set(oracle.violations)],
    virtualMs: world.nowMs,
    healMs,
    events: world.events,
    digest: world.digest,
    lines: world.lines,
  };
}

/** Lets all judges look after every turn. Returns the judge of the replicas. */
function startJudges(cluster: SimCluster, oracle: Oracle, keys: readonly string[]): ReplicaJudge {
  const { history, violations } = oracle;
  const replicas = new ReplicaJudge(cluster, { history, keys });
  const members = new MemberJudge(cluster, violations);
  let isMerging = false;
  cluster.onBegin = () => {
    if (!isMerging) startMerging(cluster);
    isMerging = true;
    // Quorums of a cluster of one node intersect with no others.
    oracle.suspendPromises({ doDecisionsHold: false });
    members.isOn = false;
  };
  const judges = [replicas, new ListJudge(cluster, history), members];
  cluster.world.onTurn = () => judges.forEach((judge) => judge.check());
  return replicas;
}

const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

function clusterOf(world: World, plan: SimPlan): SimCluster {
  const { nodes: count, zones, weights, limits, quorum, policies, encryptedFrom } = plan;
  const config = { quorum, policies: [...policies] };
  const settings = { zones, weights, limits, config, encryptedFrom };
  const { records: firstRecords, token: proof } = firstAdministrator();
  const identities = plan.hasIdentities ? { firstRecords, proof } : {};
  return new SimCluster(world, { count, ...settings, ...identities, protocols: PROTOCOLS });
}

/** Lets an operator change identities, if the plan has any. */
function startOperator(cluster: SimCluster, { hasIdentities }: SimPlan, { violations }: Oracle) {
  // Other runs draw the same numbers as without this.
  if (!hasIdentities) return undefined;
  const operator = new LedgerOperator(cluster, cluster.world.dice.fork(), violations);
  const stop = operator.start();
  return { stop, judge: (): void => operator.judgeEnd() };
}

function createClients(
  shared: Pick<EndedRun, 'cluster' | 'oracle' | 'keys'> & {
    readonly promises: Promises;
    readonly plan: SimPlan;
  },
  { operations = 400, only }: SimOptions,
): SimClient[] {
  const { clients } = shared.plan;
  return Array.from({ length: clients }, (_, number) => {
    return new SimClient({
      ...shared,
      number,
      operations: Math.ceil(operations / clients),
      dice: shared.cluster.world.dice.fork(),
      only: only?.operations && new Set(only.operations),
    });
  });
}

/** Draws a few keys in few partitions, because bugs occur between keys that share a clock. */
function crowdedKeys({ partitions, keysEach, keyPrefixes }: SimPlan, start: number): string[] {
  // Some runs group keys by hash tags.
  const isTagged = start % 3 === 0;
  const byPartition = new Map<number, string[]>();
  for (let i = start; ; i++) {
    const kind = keyPrefixes[i % keyPrefixes.length];
    const key = isTagged ? `${kind}{${Math.floor(i / 8)}}${i}` : `${kind}${i}`;
    const list = byPartition.get(partitionOf(key)) ?? [];
    list.push(key);
    byPartition.set(partitionOf(key), list);
    const crowded = [...byPartition.values()].filter(({ length }) => length >= keysEach);
    if (crowded.length >= partitions)
      return crowded.slice(0, partitions).flatMap((keys) => keys.slice(0, keysEach));
  }
}

function healAll({ nodes, network }: SimCluster): void {
  network.cuts.clear();
  Object.assign(network.conditions, IDEAL_CONDITIONS);
  for (const node of nodes) {
    Object.assign(node.disk, { delayMs: 1, failRate: 0, isFull: false });
    node.skewMs = 0;
    if (node.life?.isPaused === true) node.life.resume();
    node.start();
  }
}
