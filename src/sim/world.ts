/**
 * The world in a box: virtual time, one queue of events, one seed. Nothing real happens: what is
 * due next happens next, and time jumps there. The same seed gives the same world, event for event;
 * a digest of all that happened shows it.
 */
import type { Clock, Log, Random, Timer } from '../base/env.ts';
import { hashText32 } from '../base/hash.ts';
import { turnEnd } from '../base/system.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly task: () => void;
}

/** Pseudo-random numbers from a seed (mulberry32, Tommy Ettinger). */
export class Dice implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 ≤ x < 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number, 0 … n − 1. */
  below(n: number): number {
    return this.uint32() % n;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Numbers of their own for a part of the world: however many it draws, the others draw the same. */
  fork(): Dice {
    return new Dice(this.uint32());
  }
}

/** Virtual time and everything that is going to happen in it. */
export class World {
  readonly dice: Dice;
  nowMs = 0;
  events = 0;
  /** The last lines of what happened, for people. */
  readonly lines: string[] = [];
  #digest = 0;
  #order = 0;
  readonly #heap: Event[] = [];
  /** Called after each event, when all that follows from it at once has happened. */
  onTurn: (() => void) | undefined;

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  /** A number that two runs of one seed share, and no two different runs. */
  get digest(): number {
    return this.#digest;
  }

  /** Notes what happens; it becomes part of the digest. */
  trace(line: string): void {
    const whole = `${this.nowMs.toFixed(3)} ${line}`;
    this.#digest = hashText32(whole, this.#digest);
    this.lines.push(whole);
    if (this.lines.length > 5_000) this.lines.splice(0, 2_500);
  }

  /** Makes a task happen later. */
  after(delayMs: number, task: () => void): Timer {
    let isCancelled = false;
    const run = (): void => {
      if (!isCancelled) task();
    };
    this.#push({ atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, task: run });
    return { cancel: () => void (isCancelled = true) };
  }

  /** Lets time pass until a moment, or until a check says that it is enough. */
  async run(untilMs: number, isEnough: () => boolean = () => false): Promise<void> {
    await turnEnd();
    for (;;) {
      // A check may read a node, and by that give it something to do.
      const isOver = isEnough();
      const next = this.#heap[0];
      if (isOver || next === undefined || next.atMs > untilMs) break;
      this.#pop();
      this.nowMs = next.atMs;
      this.events += 1;
      next.task();
      await turnEnd();
      this.onTurn?.();
    }
    this.nowMs = Math.max(this.nowMs, Math.min(untilMs, this.#heap[0]?.atMs ?? untilMs));
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

const BEGINNING_MS = 1_800_000_000_000;

/** What a wall clock shows so long after the beginning of the world, µs since 1970. */
export function wallMicrosAt(ms: number): number {
  return Math.round((BEGINNING_MS + ms) * 1000);
}

/** One life of one node's process: what it has set going ends with it, and waits while it is paused. */
export class Life {
  readonly name: string;
  readonly world: World;
  isOver = false;
  /** How far the wall clock of the machine is off, ms. */
  skewMs = 0;
  #backlog: (() => void)[] | undefined;
  readonly #watchers = new Set<() => void>();

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  get isPaused(): boolean {
    return this.#backlog !== undefined;
  }

  /** Runs a task as this process: not at all when it is dead, later when it is paused. */
  run(task: () => void): void {
    if (this.isOver) return;
    if (this.#backlog === undefined) task();
    else this.#backlog.push(task);
  }

  /** Ends it; who watches is told. */
  end(): void {
    this.isOver = true;
    for (const told of this.#watchers) told();
    this.#watchers.clear();
  }

  /** Calls back when it ends, unless the result is called before. */
  watch(told: () => void): () => void {
    this.#watchers.add(told);
    return () => void this.#watchers.delete(told);
  }

  pause(): void {
    this.#backlog ??= [];
  }

  resume(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const task of backlog) this.world.after(0, () => this.run(task));
  }

  /** Time as this process sees it. */
  get clock(): Clock {
    const { world } = this;
    return {
      monotonicMs: () => world.nowMs,
      wallMicros: () => wallMicrosAt(world.nowMs + this.skewMs),
      after: (delayMs, task) => world.after(delayMs, () => this.run(task)),
      defer: (task) => void world.after(0, () => this.run(task)),
    };
  }

  /** What the process logs becomes part of the trace, but for what is only for debugging. */
  get log(): Log {
    const write =
      (level: string) =>
      (event: string, fields: object = {}): void => {
        if (this.isOver) return;
        this.world.trace(`${this.name} ${level} ${event} ${JSON.stringify(fields)}`);
      };
    return { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error') };
  }
}
