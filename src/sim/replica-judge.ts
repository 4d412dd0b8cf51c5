/**
 * Judges the disks after every batch: the clock of a replica must never be ahead of its data. For
 * each dot of the clock, the version is there, or the writes of users explain why it is gone. A
 * version that a write in the clock has replaced is not there.
 *
 * The judge reads the disks and not the nodes: a read at a node would find damage before the node
 * does.
 */
import { bytesToUtf8 } from '../base/bytes.ts';
import { unpackContent } from '../core/value/content.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import { parseDot } from '../core/causality/dot.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { markRow, objectRow } from '../storage/keyspace.ts';
import { recordToVersions } from '../storage/records.ts';
import type { SimCluster, SimNode } from './cluster.ts';
import type { History, MadeOperation } from './history.ts';

/** A key, with its rows. */
interface KeyRows {
  readonly key: string;
  readonly partition: number;
  readonly object: string;
  readonly mark: string;
}

/** The last look at one disk. */
interface SeenDisk {
  batches: number;
  node: SimNode['node'];
  /** The grounds of the last judgement of each key. */
  readonly judged: Map<
    string,
    { readonly hash: number; readonly record: unknown; readonly revision: number }
  >;
  /** The records by key, and the dots of the versions in them. */
  readonly records: Map<
    string,
    { readonly record: Uint8Array; readonly dots: ReadonlySet<string> }
  >;
}

/** A node, and the last look at its disk. */
interface Look {
  readonly node: SimNode;
  readonly seen: SeenDisk;
}

interface DiskRead extends Look {
  readonly record: Uint8Array | undefined;
}

const NOTHING: ReadonlySet<string> = new Set();

const isIn = (lost: CausalContext, { dots }: MadeOperation): boolean =>
  [...dots].some((name) => {
    const dot = parseDot(name);
    return dot !== undefined && lost.has(dot.actor, dot.counter);
  });

/** Returns the dots of the versions in a record on a disk; none if it is damaged or absent. */
function readDots({ disk, keys }: SimNode, object: string): string[] {
  const record = disk.rows.get(object);
  if (record === undefined) return [];
  try {
    const plain = keys.sealer.unseal(object, record);
    return recordToVersions(plain, object).map(({ actor, counter }) => `${actor}:${counter}`);
  } catch {
    return [];
  }
}

/** Watches the disks of one run. */
export class ReplicaJudge {
  readonly #cluster: SimCluster;
  readonly #history: History;
  readonly #keys: readonly KeyRows[];
  readonly #seen = new Map<SimNode, SeenDisk>();
  /** The keys that each disk had marked as damaged at the last look. */
  readonly #marked = new Map<SimNode, Set<string>>();
  /** Writes that no disk had when a node found that no member knows what their key held. */
  readonly #givenUp = new Set<number>();
  /** Violations that were reported: a wrong state lasts for a while. */
  readonly #reported = new Set<string>();
  /** Whether the disks have the rows that nodes have written. */
  isOn = true;

  constructor(
    cluster: SimCluster,
    { history, keys }: { readonly history: History; readonly keys: readonly string[] },
  ) {
    this.#cluster = cluster;
    this.#history = history;
    this.#keys = keys.map((key) => {
      const partition = partitionOf(key);
      return { key, partition, object: objectRow(partition, key), mark: markRow(partition, key) };
    });
  }

  /** Judges every disk that has changed since the last time. */
  check(): void {
    if (!this.isOn) return;
    for (const node of this.#cluster.nodes) {
      const { batches } = node.disk;
      const seen = this.#seen.get(node) ?? {
        batches: -1,
        node: undefined,
        judged: new Map(),
        records: new Map(),
      };
      if (seen.batches === batches && seen.node === node.node) continue;
      this.#seen.set(node, seen);
      if (seen.node !== node.node) seen.judged.clear();
      seen.batches = batches;
      seen.node = node.node;
      for (const key of this.#keys) this.#noteMark(key, node);
      // Damage that a node has not found yet is no violation.
      if (node.disk.isDamaged) continue;
      for (const key of this.#keys) this.#lookAt(key, { node, seen });
    }
  }

  /**
   * Notes the writes of a key that a node has given up: it has asked every member, and none knows
   * what its damaged record held. Their dots stay in the clocks.
   */
  #noteMark({ key, object, mark }: KeyRows, node: SimNode): void {
    const marked = this.#marked.get(node) ?? new Set();
    this.#marked.set(node, marked);
    if (node.disk.rows.has(mark)) return void marked.add(key);
    const isUnmarked = marked.delete(key);
    if (!isUnmarked || node.node?.storeStatus.damage?.unreadable.includes(key) !== true) return;
    const left = new Set(this.#cluster.nodes.flatMap((one) => readDots(one, object)));
    for (const { id, dots } of this.#history.writesOf(key))
      if (![...dots].some((dot) => left.has(dot))) this.#givenUp.add(id);
  }

  #lookAt({ key, partition, object, mark }: KeyRows, { node, seen }: Look): void {
    // Damage that a node has marked is no violation.
    if (node.disk.rows.has(mark)) return;
    const known = node.node?.inspect(partition);
    const record = node.disk.rows.get(object);
    if (known === undefined || !this.#hasChanged(key, { node, seen, record }, known.hash)) return;
    const dots = this.#dotsOf({ key, object }, { node, seen, record });
    if (dots === undefined) return;
    const { clock, lost } = known;
    const there = new Set([...dots].flatMap((dot) => this.#history.writeOf(key, dot) ?? []));
    const ids = [...there];
    for (const made of this.#history.writesOf(key)) {
      const dot = made.onlyDot;
      if (dot === undefined || !clock.has(dot.actor, dot.counter)) continue;
      const isLost = lost.has(dot.actor, dot.counter);
      if (isLost && made.isAcknowledged)
        this.#report(`${node.name} takes the acknowledged write ${made.id} of ${key} for lost`);
      if (isLost || (this.#givenUp.has(made.id) && !made.isAcknowledged)) continue;
      const isKnown = (by: MadeOperation): boolean =>
        there.has(by.id) || !this.#isOnAnyDisk(key, by) || isIn(lost, by) || by.dots.size > 1;
      if (!made.isDelete && !there.has(made.id) && !this.#history.mayBeGoneFrom(made, isKnown)) {
        this.#report(
          `the clock of ${node.name} has the write ${made.id} of ${key}, and its disk does not`,
        );
      }
      const back =
        made.direct.size === 0
          ? undefined
          : ids.find((id) => this.#history.isBack(id, made.direct));
      if (back !== undefined) {
        this.#report(
          `${node.name} holds the write ${back} of ${key}, and its clock has ${made.id}, which replaced it`,
        );
      }
    }
  }

  /**
   * Whether the replica, the record or the history of a key has changed since the last judgement.
   */
  #hasChanged(key: string, { seen, record }: DiskRead, hash: number): boolean {
    const revision = this.#history.revision(key);
    const before = seen.judged.get(key);
    if (before?.hash === hash && before.record === record && before.revision === revision)
      return false;
    seen.judged.set(key, { hash, record, revision });
    return true;
  }

  /** Whether any disk has a version of a write. */
  #isOnAnyDisk(key: string, { dots }: MadeOperation): boolean {
    return [...this.#seen.values()].some(({ records }) => {
      const there = records.get(key)?.dots ?? NOTHING;
      return [...dots].some((dot) => there.has(dot));
    });
  }

  /** Returns the dots of a key's versions on a disk; undefined if the record is damaged. */
  #dotsOf(
    { key, object }: Pick<KeyRows, 'key' | 'object'>,
    { node, seen, record }: DiskRead,
  ): ReadonlySet<string> | undefined {
    if (record === undefined) return NOTHING;
    const before = seen.records.get(key);
    if (before?.record === record) return before.dots;
    const dots = new Set<string>();
    try {
      const plain = node.keys.sealer.unseal(object, record);
      for (const { actor, counter, body } of recordToVersions(plain, object)) {
        const { value, expiresMicros } = unpackContent(body);
        const id = Number.parseInt(bytesToUtf8(value) ?? '', 10);
        dots.add(`${actor}:${counter}`);
        this.#history.recordName(key, { kind: 'dot', name: `${actor}:${counter}` }, id);
        if (expiresMicros !== undefined) this.#history.recordExpiry({ id }, expiresMicros);
      }
    } catch {
      return undefined;
    }
    seen.records.set(key, { record, dots });
    return dots;
  }

  #report(text: string): void {
    if (this.#reported.has(text)) return;
    this.#reported.add(text);
    this.#history.violate(text);
  }
}
