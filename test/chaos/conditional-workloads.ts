/** Use with conditions: counters by compare-and-set, and locks. */
import type { Dice } from '../../src/sim/world.ts';
import { pause } from '../fixtures/cluster.ts';
import type { NodeClient, WriteAnswer } from './node-client.ts';
import { judgeKeys, type Workload } from './workload.ts';

const KEYS = 4;

/** The writer that got 200 for a state of a key, by the tag of the state. */
export class Winners {
  readonly wrong: string[] = [];
  readonly #byState = new Map<string, string>();

  /** Records an acknowledged conditional write. A second one on the same state is a violation. */
  note(key: string, etag: string, id: string): void {
    const state = `${key} ${etag}`;
    const first = this.#byState.get(state);
    if (first === undefined) this.#byState.set(state, id);
    else
      this.wrong.push(
        `${first} and ${id} were both told 200 for one state of ${key}, ${etag || 'absent'}`,
      );
  }
}

interface Count {
  acknowledged: number;
  unknown: number;
}

/**
 * The violations of a counter: it must have every acknowledged step, and no step that no client
 * made.
 */
export function judgeCount({ acknowledged, unknown }: Count, values: readonly string[]): string[] {
  const value = Math.max(0, ...values.map((text) => Number(text.split(' ')[0])));
  if (value >= acknowledged && value <= acknowledged + unknown) return [];
  return [`counts ${value}, with ${acknowledged} steps acknowledged and ${unknown} unknown`];
}

/** Counters. Each step is a compare-and-set on the value of a read. */
export class Counters implements Workload {
  readonly name = 'counter';
  readonly #counts = new Map<string, Count>();
  readonly #winners = new Winners();
  #next = 0;

  async act(client: NodeClient, dice: Dice): Promise<void> {
    const key = `c-${dice.below(KEYS)}`;
    const current = await client.read(key);
    if (current === undefined) return;
    const count = this.#counts.get(key) ?? { acknowledged: 0, unknown: 0 };
    this.#counts.set(key, count);
    const id = `step${this.#next++}`;
    const value = Math.max(0, ...current.values.map((text) => Number(text.split(' ')[0])));
    const headers: Record<string, string> =
      current.etag === '' ? { 'If-None-Match': '*' } : { 'If-Match': current.etag };
    // The step counts as unknown until the answer arrives.
    count.unknown += 1;
    const { outcome } = await client.write(key, { headers, body: `${value + 1} ${id}` });
    if (outcome !== 'unknown') count.unknown -= 1;
    if (outcome !== 'done') return;
    count.acknowledged += 1;
    this.#winners.note(key, current.etag, id);
  }

  async judge(client: NodeClient): Promise<string[]> {
    return judgeKeys(client, [...this.#counts.keys()], (key, values) =>
      judgeCount(this.#counts.get(key) ?? { acknowledged: 0, unknown: 0 }, values),
    );
  }

  keys(): readonly string[] {
    return [...this.#counts.keys()];
  }

  report(): ReturnType<Workload['report']> {
    const all = [...this.#counts.values()];
    const sum = (part: keyof Count): number => all.reduce((total, count) => total + count[part], 0);
    return {
      did: { acknowledged: sum('acknowledged'), unknown: sum('unknown') },
      wrong: this.#winners.wrong,
    };
  }
}

/** The time during which a client knew that it held a lock. */
export interface Hold {
  readonly lock: string;
  readonly id: string;
  readonly fromMs: number;
  /** The time at which it began to release the lock; Infinity as long as it holds it. */
  untilMs: number;
}

/** The holds of one lock that overlap. */
export function overlaps(holds: readonly Hold[]): string[] {
  const wrong: string[] = [];
  const last = new Map<string, Hold>();
  for (const hold of [...holds].sort((a, b) => a.fromMs - b.fromMs)) {
    const before = last.get(hold.lock);
    if (before !== undefined && before.untilMs > hold.fromMs) {
      wrong.push(
        `${hold.lock} was held by ${before.id} and by ${hold.id} at ${Math.round(hold.fromMs)} ms`,
      );
    }
    if (before === undefined || hold.untilMs > before.untilMs) last.set(hold.lock, hold);
  }
  return wrong;
}

const LOCKS = Array.from({ length: KEYS }, (_, i) => `l-${i}`);
const MAX_HOLD_MS = 400;
const IDEMPOTENT_RATE = 0.4;

/**
 * Locks: created if absent, deleted by their tag. A repeat by Idempotency-Key may prove that one is
 * held.
 */
export class Locks implements Workload {
  readonly name = 'lock';
  readonly #holds: Hold[] = [];
  readonly #winners = new Winners();
  /** Attempts in progress, and present holders. No other client may break their locks. */
  readonly #busy = new Set<string>();
  /** The node for a repeat. */
  readonly #clients: () => readonly NodeClient[];
  #next = 0;
  #broken = 0;

  constructor(clients: () => readonly NodeClient[]) {
    this.#clients = clients;
  }

  async act(client: NodeClient, dice: Dice): Promise<void> {
    const lock = dice.pick(LOCKS);
    const id = `try${this.#next++}`;
    this.#busy.add(id);
    try {
      const written = await this.#acquire(client, { lock, id, dice });
      if (written.outcome === 'done')
        await this.#hold(client, { lock, id, etag: written.etag, dice });
      else if (written.outcome === 'not') await this.#break(client, lock);
    } finally {
      this.#busy.delete(id);
    }
  }

  async #acquire(
    client: NodeClient,
    { lock, id, dice }: { lock: string; id: string; dice: Dice },
  ): Promise<WriteAnswer> {
    const isRepeatable = dice.chance(IDEMPOTENT_RATE);
    const repeat: Record<string, string> = isRepeatable ? { 'Idempotency-Key': id } : {};
    const headers = { 'If-None-Match': '*', ...repeat };
    const written = await client.write(lock, { headers, body: id });
    const clients = this.#clients();
    if (written.outcome !== 'unknown' || !isRepeatable || clients.length === 0) return written;
    return dice.pick(clients).write(lock, { headers, body: id });
  }

  async #hold(
    client: NodeClient,
    { lock, id, etag, dice }: { lock: string; id: string; etag: string; dice: Dice },
  ): Promise<void> {
    const hold: Hold = { lock, id, fromMs: performance.now(), untilMs: Infinity };
    this.#holds.push(hold);
    await pause(dice.below(MAX_HOLD_MS));
    hold.untilMs = performance.now();
    const { outcome } = await client.write(lock, {
      method: 'DELETE',
      headers: { 'If-Match': etag },
    });
    if (outcome === 'done') this.#winners.note(lock, etag, `the release of ${id}`);
  }

  /**
   * Removes a lock without a known holder: its writers have given up, or have failed to release it.
   */
  async #break(client: NodeClient, lock: string): Promise<void> {
    const current = await client.read(lock);
    if (
      current === undefined ||
      current.etag === '' ||
      current.values.some((id) => this.#busy.has(id))
    )
      return;
    const { outcome } = await client.write(lock, {
      method: 'DELETE',
      headers: { 'If-Match': current.etag },
    });
    if (outcome !== 'done') return;
    this.#broken += 1;
    this.#winners.note(lock, current.etag, `the break of ${current.values.join('|')}`);
  }

  /** The final value of a lock proves nothing. The tags must show that all nodes agree. */
  async judge(client: NodeClient): Promise<string[]> {
    return judgeKeys(client, LOCKS, () => []);
  }

  keys(): readonly string[] {
    return LOCKS;
  }

  report(): ReturnType<Workload['report']> {
    const wrong = [...overlaps(this.#holds), ...this.#winners.wrong];
    return { did: { attempts: this.#next, held: this.#holds.length, broken: this.#broken }, wrong };
  }
}
