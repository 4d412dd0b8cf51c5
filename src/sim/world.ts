/**
 * The simulated world: virtual time, one queue of events, one seed. Time jumps from one event to
 * the next. The same seed gives the same events, which a digest of all events shows.
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

  /** Returns a whole number, 0 … n − 1. */
  below(n: number): number {
    return this.uint32() % n;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Returns dice for a part of the world, so that its draws do not change those of the others. */
  fork(): Dice {
    return new Dice(this.uint32());
  }
}

/** Virtual time and its events. */
export class World {
  readonly dice: Dice;
  nowMs = 0;
  events = 0;
  /** The last lines of the trace. */
  readonly lines: string[] = [];
  #digest = 0;
  #order = 0;
  readonly #heap: Event[] = [];
  /** Called after each event and its immediate consequences. */
  onTurn: (() => void) | undefined;
  /** Called with an error that an event has thrown. Without it, the run ends with the error. */
  onError: ((error: unknown) => void) | undefined;

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  /** A hash of the trace: equal for two runs of one seed, different for different runs. */
  get digest(): number {
    return this.#digest;
  }

  /** Adds a line to the trace and to the digest. */
  trace(line: string): void {
    const whole = `${this.nowMs.toFixed(3)} ${line}`;
    this.#digest = hashText32(whole, this.#digest);
    this.lines.push(whole);
    if (this.lines.length > 5_000) this.lines.splice(0, 2_500);
  }

  /** Runs a task later. */
  after(delayMs: number, task: () => void): Timer {
    let isCancelled = false;
    const run = (): void => {
      if (!isCancelled) task();
    };
    this.#push({ atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, task: run });
    return { cancel: () => void (isCancelled = true) };
  }

  /** Lets time pass until a moment, or until a check returns true. */
  async run(untilMs: number, isEnough: () => boolean = () => false): Promise<void> {
    await turnEnd();
    for (;;) {
      // A check may read a node, which gives the node something to do.
      const isOver = isEnough();
      const next = this.#heap[0];
      if (isOver || next === undefined || next.atMs > untilMs) break;
      this.#pop();
      this.nowMs = next.atMs;
      this.events += 1;
      try {
        next.task();
      } catch (error) {
        if (this.onError === undefined) throw error;
        this.onError(error);
      }
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
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event))
        child += 1;
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

/** Returns the right time at a moment of virtual time, µs since 1970. */
export function wallMicrosAt(ms: number): number {
  return Math.round((BEGINNING_MS + ms) * 1000);
}

/** A life of a node's process. Its tasks end with it, and wait while it is paused. */
export class Life {
  readonly name: string;
  readonly world: World;
  isOver = false;
  /** The offset of the wall clock of the machine, ms. */
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

  /** Runs a task in this process: never if it has ended, later if it is paused. */
  run(task: () => void): void {
    if (this.isOver) return;
    if (this.#backlog === undefined) task();
    else this.#backlog.push(task);
  }

  /** Ends the life, and tells all watchers. */
  end(): void {
    this.isOver = true;
    for (const told of this.#watchers) told();
    this.#watchers.clear();
  }

  /** Calls back when the life ends. Returns a function that ends the watch. */
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

  /** The clock of this process. */
  get clock(): Clock {
    const { world } = this;
    return {
      monotonicMs: () => world.nowMs,
      wallMicros: () => wallMicrosAt(world.nowMs + this.skewMs),
      after: (delayMs, task) => world.after(delayMs, () => this.run(task)),
      defer: (task) => void world.after(0, () => this.run(task)),
    };
  }

  /** The log of the process. Its lines are part of the trace, except those for debugging. */
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
