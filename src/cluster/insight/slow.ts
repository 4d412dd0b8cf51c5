/** Slow operations: the latest ones, and a line in the log for each, with where the time went. */
import type { Clock, Log } from '../../base/env.ts';
import { hashText32 } from '../../base/hash.ts';
import { microsToIso } from '../../base/system.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import type { Config } from '../config.ts';
import type { EndedOperation } from '../coordinator/observer.ts';
import { isTable, listOf, numberOf, textOf } from './json.ts';
import { MAX_SLOW_KEPT, MAX_TOP_KEY_CHARS, SLOW_LINES_PER_SECOND } from './limits.ts';

/** A slow operation, for operators. */
export interface SlowOperation {
  readonly node: string;
  /** ISO 8601. */
  readonly time: string;
  readonly operation: string;
  /** Undefined unless the log may name keys. */
  readonly key?: string | undefined;
  readonly keyHash: string;
  readonly partition: number;
  readonly tookMs: number;
  /** The time until the disk of this node had the write; undefined for other operations. */
  readonly waitedForDiskMs?: number | undefined;
  /** The times of the answers of peers until then. */
  readonly peers: Readonly<Record<string, number>>;
  /** Holders that were asked because others were late. */
  readonly hedged: number;
  /** The latest lag of the event loop. */
  readonly loopLagMs?: number | undefined;
  /** Rows that waited for the disk at the end. */
  readonly pendingRows?: number | undefined;
  /** The code of the error; undefined if there was none. */
  readonly failed?: string | undefined;
}

/** The latest lag of the event loop; undefined until it is measured. */
export interface LoopLag {
  ms: number | undefined;
}

/** The parts of a node that slow operations need. */
export interface SlowParts {
  readonly env: { readonly clock: Clock; readonly log: Log };
  readonly self: string;
  /** Says which operations are slow, and whether keys may be named. */
  readonly config: { readonly log: Pick<Config['log'], 'slowMs' | 'keys'> };
  readonly loopLagMs: () => number | undefined;
  readonly pendingRows: () => number | undefined;
}

/** Keeps and logs the slow operations of one node. */
export class SlowOperations {
  readonly #parts: SlowParts;
  readonly #kept: SlowOperation[] = [];
  #second = { number: NaN, lines: 0, leftOut: 0 };

  constructor(parts: SlowParts) {
    this.#parts = parts;
  }

  /** The latest slow operations, the newest first. */
  get latest(): readonly SlowOperation[] {
    return this.#kept.toReversed();
  }

  /** Keeps and logs an operation if it was slow. */
  note(ended: EndedOperation): void {
    if (ended.tookMs < this.#parts.config.log.slowMs) return;
    const slow = this.#describe(ended);
    this.#kept.push(slow);
    if (this.#kept.length > MAX_SLOW_KEPT) this.#kept.shift();
    this.#log(slow);
  }

  #describe({ operation, key, tookMs, answers, hedges, failed }: EndedOperation): SlowOperation {
    const { env, self, config, loopLagMs, pendingRows } = this.#parts;
    const peers = answers.filter(({ node }) => node !== self);
    const own = answers.find(({ node }) => node === self);
    return {
      node: self,
      time: microsToIso(env.clock.wallMicros()),
      operation,
      key: config.log.keys ? key : undefined,
      keyHash: hashText32(key).toString(16).padStart(8, '0'),
      partition: partitionOf(key),
      tookMs: tenths(tookMs),
      waitedForDiskMs: operation === 'write' && own !== undefined ? tenths(own.ms) : undefined,
      peers: Object.fromEntries(peers.map(({ node, ms }) => [node, tenths(ms)])),
      hedged: hedges,
      loopLagMs: loopLagMs(),
      pendingRows: pendingRows(),
      failed,
    };
  }

  /** Writes a line, unless there were many in this second. The next line counts those left out. */
  #log(slow: SlowOperation): void {
    const { clock, log } = this.#parts.env;
    const number = Math.floor(clock.monotonicMs() / 1000);
    const { leftOut } = this.#second;
    if (this.#second.number !== number) this.#second = { number, lines: 0, leftOut };
    if (this.#second.lines >= SLOW_LINES_PER_SECOND) {
      this.#second.leftOut += 1;
      return;
    }
    this.#second.lines += 1;
    this.#second.leftOut = 0;
    // The line has a time of its own, and the log is that of this node.
    const { peers, ...fields } = { ...slow, node: undefined, time: undefined };
    const times = Object.entries(peers).map(([node, ms]) => `${node}:${ms}`);
    log.warn('slow request', {
      ...fields,
      peers: times.length === 0 ? undefined : times.join(','),
      leftOut: leftOut === 0 ? undefined : leftOut,
    });
  }
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

/** Reads the answer of a peer; undefined if it is malformed. */
export function readSlow(value: unknown): SlowOperation[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return listOf(value, MAX_SLOW_KEPT, (item) => {
    if (!isTable(item)) return undefined;
    const text = (name: string): string | undefined => textOf(item[name], MAX_TOP_KEY_CHARS);
    const number = (name: string): number | undefined => numberOf(item[name]);
    const [node, time, operation] = [text('node'), text('time'), text('operation')];
    if (node === undefined || time === undefined || operation === undefined) return undefined;
    const peers = isTable(item['peers']) ? item['peers'] : {};
    return {
      node,
      time,
      operation,
      key: text('key'),
      keyHash: text('keyHash') ?? '',
      partition: number('partition') ?? 0,
      tookMs: number('tookMs') ?? 0,
      waitedForDiskMs: number('waitedForDiskMs'),
      peers: Object.fromEntries(
        Object.entries(peers).flatMap(([peer, ms]) => {
          const known = numberOf(ms);
          return known === undefined ? [] : [[peer, known]];
        }),
      ),
      hedged: number('hedged') ?? 0,
      loopLagMs: number('loopLagMs'),
      pendingRows: number('pendingRows'),
      failed: text('failed'),
    };
  });
}
