/**
 * Clients as users are: they read, write with the token of their last read or their last write or an old one or none, delete, resolve
 * siblings, retry, and change nodes. They speak HTTP, and a token is to them what the header says.
 */
import type { Timer } from '../base/env.ts';
import { messageOf } from '../base/errors.ts';
import type { SimCluster, SimNode } from './cluster.ts';
import { readKey, writeKey } from './http.ts';
import type { Oracle } from './oracle.ts';
import type { Habit, SimPlan } from './plan.ts';
import type { Dice, World } from './world.ts';

/** A token in a client's hands, and what the oracle knows of its holder. */
interface Held {
  readonly text: string | undefined;
  readonly seen: ReadonlySet<number>;
  /** What the token names for certain. */
  readonly direct: ReadonlySet<number>;
}

/** One operation of a client. */
export interface Operation {
  /** Which of the run: the same in every run of the seed. */
  readonly index: number;
  readonly text: string;
}

/** What a client needs beside its cluster. */
export interface SimClientOptions {
  readonly number: number;
  readonly plan: SimPlan;
  readonly oracle: Oracle;
  readonly keys: readonly string[];
  /** How many operations it wants to do. */
  readonly operations: number;
  readonly dice: Dice;
  /** Only these; the others are left out, and the rest comes as it would. */
  readonly only?: ReadonlySet<number> | undefined;
}

const BUSY_MS = 20;
const PATIENCE_MS = 5_000;
const TOKENS_KEPT = 10;

/** One user with one session at a time. */
export class SimClient {
  readonly #name: string;
  readonly #cluster: SimCluster;
  readonly #options: SimClientOptions;
  readonly #held = new Map<string, Held[]>();
  /** What it did. */
  readonly done: Operation[] = [];
  #isInHaste = false;
  #pause: Timer | undefined;
  #at: SimNode;
  #begun = 0;
  /** Of the operation under way. */
  #dice: Dice;

  constructor(cluster: SimCluster, options: SimClientOptions) {
    this.#name = `c${options.number + 1}`;
    this.#cluster = cluster;
    this.#options = options;
    this.#dice = options.dice.fork();
    this.#at = this.#dice.pick(cluster.nodes);
  }

  get #world(): World {
    return this.#cluster.world;
  }

  /** Whether it has done all that it wanted. */
  get isDone(): boolean {
    return this.#begun >= this.#options.operations;
  }

  /** Goes on after a pause. */
  start(): void {
    const { plan, operations } = this.#options;
    const isIdle = this.#dice.chance(plan.idleRate) && !this.#isInHaste;
    const pauseMs = isIdle ? (2 * plan.chaosMs) / (operations * plan.idleRate) : BUSY_MS;
    this.#pause = this.#world.after(this.#dice.fraction() * pauseMs, () => this.#next());
  }

  /** No more pauses. */
  hurry(): void {
    this.#isInHaste = true;
    if (this.#pause === undefined) return;
    this.#pause.cancel();
    this.start();
  }

  #next(): void {
    this.#pause = undefined;
    if (this.isDone) return;
    const { plan, keys, number, only, dice } = this.#options;
    const index = this.#begun * plan.clients + number;
    this.#begun += 1;
    this.#dice = dice.fork();
    if (!this.#dice.chance(plan.stayRate)) this.#at = this.#dice.pick(this.#cluster.nodes);
    const key = this.#dice.pick(keys);
    const habit = this.#dice.pick(plan.habits);
    if (only?.has(index) === false) return this.start();
    this.done.push({ index, text: `${this.#name} ${habit} ${key} at ${this.#at.name}` });
    let isOver = false;
    const goOn = (): void => {
      if (isOver) return;
      isOver = true;
      this.start();
    };
    // A client that has lost patience goes on elsewhere.
    this.#world.after(PATIENCE_MS, goOn);
    this.#do(habit, key).then(goOn, (error: unknown) => {
      this.#world.trace(`${this.#name} ${messageOf(error)}`);
      goOn();
    });
  }

  async #do(habit: Habit, key: string): Promise<void> {
    const held = this.#held.get(key) ?? [];
    switch (habit) {
      case 'read':
        await this.#read(key);
        return;
      case 'write':
        return this.#insist(() => this.#write(key, this.#held.get(key)?.slice(-1)[0], false));
      case 'stale':
        return this.#write(key, held.length === 0 ? undefined : this.#dice.pick(held), false);
      case 'blind':
        return this.#write(key, undefined, false);
      case 'delete':
        return this.#write(key, held[held.length - 1], true);
      case 'blind-delete':
        return this.#write(key, undefined, true);
      case 'resolve':
        await this.#read(key);
        return this.#write(key, this.#held.get(key)?.slice(-1)[0], false);
    }
  }

  /** A user who gets an error tries once more, perhaps elsewhere: another write, for all the store knows. */
  async #insist(write: () => Promise<void>): Promise<void> {
    await write().catch((error: unknown) => {
      this.#world.trace(`${this.#name} ${messageOf(error)}; tries again`);
      if (this.#dice.chance(0.5)) this.#at = this.#dice.pick(this.#cluster.nodes);
      return write();
    });
  }

  async #read(key: string): Promise<void> {
    const { oracle, plan } = this.#options;
    const at = this.#at;
    const beganMs = this.#world.nowMs;
    const { siblings, token } = await readKey(at, key);
    const ids = siblings.map(({ text, etag }) => {
      const id = Number.parseInt(text, 10);
      if (text !== valueOf(id, plan.valueBytes)) oracle.violations.push(`${key} was read as ${JSON.stringify(text)}`);
      oracle.named(key, { kind: 'tag', name: etag }, id);
      return id;
    });
    this.#world.trace(`${this.#name} read ${key} at ${at.name}: ${ids.join(' ') || 'nothing'}`);
    oracle.read(key, ids, { beganMs, nowMs: this.#world.nowMs });
    this.#hold(key, { text: token, seen: oracle.seenWith(ids), direct: new Set(ids) });
  }

  async #write(key: string, held: Held | undefined, isDelete: boolean): Promise<void> {
    const { oracle, plan } = this.#options;
    const at = this.#at;
    if (at.node === undefined) throw new Error('connection refused');
    const isBlindDelete = isDelete && held?.text === undefined;
    const seen = new Set(held?.seen);
    const direct = new Set(held?.direct);
    const made = oracle.begin({ key, isDelete, isBlindDelete, seen, direct, beganMs: this.#world.nowMs });
    const name = `${this.#name} ${isDelete ? 'delete' : 'write'} ${made.id} of ${key} at ${at.name}`;
    this.#world.trace(`${name}${held === undefined ? '' : ` having seen ${[...seen].join(' ')}`}`);
    try {
      const value = isDelete ? undefined : valueOf(made.id, plan.valueBytes);
      const token = await writeKey(at, key, { value, token: held?.text });
      made.isAcknowledged = true;
      made.endedMs = this.#world.nowMs;
      this.#hold(key, { text: token, seen: new Set([...seen, made.id]), direct: new Set([made.id]) });
    } finally {
      this.#world.trace(`${name}: ${made.isAcknowledged ? 'acknowledged' : 'not acknowledged'}`);
    }
  }

  #hold(key: string, held: Held): void {
    const list = this.#held.get(key) ?? [];
    list.push(held);
    this.#held.set(key, list.slice(-TOKENS_KEPT));
  }
}

/** The value of a write: its number, and as many more bytes as go with that. */
export function valueOf(id: number, mostBytes: number): string {
  return `${id}${mostBytes === 0 ? '' : ` ${'.'.repeat((id * 7919) % mostBytes)}`}`;
}
