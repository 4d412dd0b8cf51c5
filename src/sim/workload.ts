/**
 * Clients as users are: they read, write with the token of their last read or their last write or an old one or none, delete, resolve
 * siblings, retry, and change nodes. Tokens travel as text.
 */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import type { Dot } from '../core/causal-context.ts';
import { packContent, unpackContent } from '../core/content.ts';
import { decodeToken, encodeToken } from '../core/token.ts';
import type { SimCluster, SimNode } from './cluster.ts';
import type { Oracle } from './oracle.ts';
import type { World } from './world.ts';

/** A token in a client's hands, and what the oracle knows of its holder. */
interface Held {
  readonly text: string;
  readonly seen: ReadonlySet<number>;
  /** What the token names for certain. */
  readonly direct: ReadonlySet<number>;
}

const HASTE_RATE = 0.7;
const HASTY_MS = 60;
const THOUGHTFUL_MS = 2_000;
const PATIENCE_MS = 5_000;
const STAY_RATE = 0.8;

/** What a client may do, and how often. */
const HABITS = [
  'read',
  'read',
  'write',
  'write',
  'write',
  'blind',
  'stale',
  'delete',
  'delete',
  'blind-delete',
  'resolve',
] as const;

/** One user with one session at a time. */
export class SimClient {
  readonly #name: string;
  readonly #cluster: SimCluster;
  readonly #oracle: Oracle;
  readonly #keys: readonly string[];
  readonly #held = new Map<string, Held[]>();
  #at: SimNode;
  #left: number;

  constructor(
    name: string,
    cluster: SimCluster,
    { oracle, keys, operations }: { oracle: Oracle; keys: readonly string[]; operations: number },
  ) {
    this.#name = name;
    this.#cluster = cluster;
    this.#oracle = oracle;
    this.#keys = keys;
    this.#left = operations;
    this.#at = this.#world.dice.pick(cluster.nodes);
  }

  get #world(): World {
    return this.#cluster.world;
  }

  /** Whether it has done all that it wanted. */
  get isDone(): boolean {
    return this.#left <= 0;
  }

  start(): void {
    const { dice } = this.#world;
    const thinkMs = dice.chance(HASTE_RATE) ? HASTY_MS : THOUGHTFUL_MS;
    this.#world.after(dice.fraction() * thinkMs, () => this.#next());
  }

  #next(): void {
    if (this.isDone) return;
    this.#left -= 1;
    const { dice } = this.#world;
    if (!dice.chance(STAY_RATE)) this.#at = dice.pick(this.#cluster.nodes);
    const key = dice.pick(this.#keys);
    let isOver = false;
    const goOn = (): void => {
      if (isOver) return;
      isOver = true;
      this.start();
    };
    // A node that dies does not answer; a client that has lost patience goes on elsewhere.
    this.#world.after(PATIENCE_MS, goOn);
    this.#do(dice.pick(HABITS), key).then(goOn, (error: unknown) => {
      this.#world.trace(`${this.#name} ${messageOf(error)}`);
      goOn();
    });
  }

  async #do(habit: (typeof HABITS)[number], key: string): Promise<void> {
    const held = this.#held.get(key) ?? [];
    switch (habit) {
      case 'read':
        await this.#read(key);
        return;
      case 'write':
        return this.#insist(() => this.#write(key, this.#held.get(key)?.slice(-1)[0], false));
      case 'stale':
        return this.#write(key, held.length === 0 ? undefined : this.#world.dice.pick(held), false);
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
      if (this.#world.dice.chance(0.5)) this.#at = this.#world.dice.pick(this.#cluster.nodes);
      return write();
    });
  }

  async #read(key: string): Promise<void> {
    const { node } = this.#at;
    if (node === undefined) return;
    const beganMs = this.#world.nowMs;
    const { object, token } = await node.get(key);
    const ids = object.versions.map(({ body }) => Number(bytesToUtf8(unpackContent(body).value)));
    for (const [i, id] of ids.entries()) this.#oracle.named(key, object.versions[i] as Dot, id);
    this.#world.trace(`${this.#name} read ${key} at ${this.#at.name}: ${ids.join(' ') || 'nothing'}`);
    this.#oracle.read(key, ids, { beganMs, nowMs: this.#world.nowMs });
    this.#hold(key, { text: encodeToken(token, key), seen: this.#oracle.seenWith(ids), direct: new Set(ids) });
  }

  async #write(key: string, held: Held | undefined, isDelete: boolean): Promise<void> {
    const { node } = this.#at;
    if (node === undefined) return;
    const isBlindDelete = isDelete && held === undefined;
    const seen = new Set(held?.seen);
    const direct = new Set(held?.direct);
    const made = this.#oracle.begin({ key, isDelete, isBlindDelete, seen, direct, beganMs: this.#world.nowMs });
    const content = { value: utf8ToBytes(String(made.id)), contentType: 'text/plain', timestampMicros: 0 };
    const token = held === undefined ? undefined : decodeToken(held.text, key);
    const name = `${this.#name} ${isDelete ? 'delete' : 'write'} ${made.id} of ${key} at ${this.#at.name}`;
    this.#world.trace(`${name}${held === undefined ? '' : ` having seen ${[...seen].join(' ')}`}`);
    try {
      const written = await node.put(key, isDelete ? undefined : packContent(content), { token });
      made.isAcknowledged = true;
      this.#hold(key, {
        text: encodeToken(written.token, key),
        seen: new Set([...seen, made.id]),
        direct: new Set([made.id]),
      });
    } finally {
      made.endedMs = this.#world.nowMs;
      this.#world.trace(`${name}: ${made.isAcknowledged ? 'acknowledged' : 'not acknowledged'}`);
    }
  }

  #hold(key: string, held: Held): void {
    const list = this.#held.get(key) ?? [];
    list.push(held);
    this.#held.set(key, list.slice(-10));
  }
}
