/**
 * Use without conditions: keys written once, keys deleted, keys that expire much later, registers
 * and sets.
 */
import type { Dice } from '../../src/sim/world.ts';
import { type NodeClient, type Outcome, tokenHeader } from './node-client.ts';
import { judgeKeys, sample, type Scope, type Workload } from './workload.ts';

const SAMPLE = 300;

/** Blind writes, each to a new key. Each acknowledged one must be there. */
export class Uniques implements Workload {
  readonly name = 'unique';
  readonly #prefix: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #acknowledged: string[] = [];
  #attempts = 0;
  #judged = 0;

  constructor(prefix = 'u', headers: Readonly<Record<string, string>> = {}) {
    this.#prefix = prefix;
    this.#headers = headers;
  }

  async act(client: NodeClient): Promise<void> {
    const key = `${this.#prefix}-${this.#attempts++}`;
    const { outcome } = await client.write(key, {
      body: `value of ${key}`,
      headers: this.#headers,
    });
    if (outcome === 'done') this.#acknowledged.push(key);
  }

  async judge(client: NodeClient, { isFinal, dice }: Scope): Promise<string[]> {
    const all = this.#acknowledged;
    const keys = isFinal
      ? all
      : [...all.slice(this.#judged), ...sample(all.slice(0, this.#judged), SAMPLE, dice)];
    return judgeKeys(client, keys, (key, values) =>
      values.length === 1 && values[0] === `value of ${key}`
        ? []
        : [`acknowledged, and reads as ${say(values)}`],
    );
  }

  /** The writes acknowledged so far have been checked everywhere. */
  judged(): void {
    this.#judged = this.#acknowledged.length;
  }

  keys(): readonly string[] {
    return this.#acknowledged;
  }

  report(): ReturnType<Workload['report']> {
    return {
      did: { attempts: this.#attempts, acknowledged: this.#acknowledged.length },
      wrong: [],
    };
  }
}

const say = (values: readonly string[]): string =>
  values.length === 0 ? 'nothing' : values.map((value) => value.slice(0, 60)).join(' | ');

interface Kept {
  readonly token: string;
  /** Undefined until a delete is tried. */
  outcome?: Outcome;
}

/**
 * Keys that are written, and much later deleted by their token. No deleted key may return, and no
 * other may disappear.
 */
export class Deletes implements Workload {
  readonly name = 'delete';
  readonly #keys = new Map<string, Kept>();
  #attempts = 0;

  async act(client: NodeClient, dice: Dice): Promise<void> {
    const alive = [...this.#keys].filter(([, { outcome }]) => outcome === undefined);
    if (alive.length > 40 || (alive.length > 0 && dice.chance(0.4))) {
      const [key, kept] = dice.pick(alive);
      kept.outcome = 'unknown';
      const written = await client.write(key, {
        method: 'DELETE',
        headers: tokenHeader(kept.token),
      });
      if (written.status === 204) kept.outcome = 'done';
      return;
    }
    const key = `d-${this.#attempts++}`;
    const { outcome, token } = await client.write(key, { body: key });
    if (outcome === 'done') this.#keys.set(key, { token });
  }

  async judge(client: NodeClient): Promise<string[]> {
    return judgeKeys(client, [...this.#keys.keys()], (key, values) => {
      const outcome = this.#keys.get(key)?.outcome;
      if (values.length === 1 && values[0] === key)
        return outcome === 'done' ? ['deleted, and back'] : [];
      if (values.length === 0)
        return outcome === undefined ? ['acknowledged, never deleted, and gone'] : [];
      return [`reads as ${say(values)}`];
    });
  }

  keys(): readonly string[] {
    return [...this.#keys.keys()];
  }

  report(): ReturnType<Workload['report']> {
    const deleted = [...this.#keys.values()].filter(({ outcome }) => outcome === 'done').length;
    return { did: { written: this.#keys.size, deleted }, wrong: [] };
  }
}

/** One write of a register. */
export interface RegisterWrite {
  readonly id: string;
  /** The values in the token of its writer. */
  readonly seen: readonly string[];
  outcome: Outcome;
}

/**
 * The violations in the values of a register. An acknowledged write must be there, or must have
 * been replaced by a write that had seen it and is explained in the same way. A value that an
 * acknowledged write has replaced must not be there.
 */
export function judgeRegister(
  writes: readonly RegisterWrite[],
  values: readonly string[],
): string[] {
  const byId = new Map(writes.map((write) => [write.id, write]));
  const wrong: string[] = [];
  for (const value of values) {
    if (!byId.has(value)) wrong.push(`no client wrote ${value}`);
    const replaced = writes.find(({ seen, outcome }) => outcome === 'done' && seen.includes(value));
    if (replaced !== undefined)
      wrong.push(`${value} is back, though ${replaced.id} had replaced it`);
  }
  const explained = new Set(values);
  // A writer has only seen earlier writes, so one pass from the last to the first is enough.
  for (const write of [...writes].reverse()) {
    if (explained.has(write.id) && write.outcome !== 'not')
      for (const id of write.seen) explained.add(id);
  }
  for (const { id, outcome } of writes) {
    if (outcome === 'done' && !explained.has(id)) wrong.push(`${id} was acknowledged and is lost`);
  }
  return wrong;
}

const KEYS = 8;
const BLIND_RATE = 0.1;
/**
 * Writes of a register before it is replaced by a new one, because its verdict looks at all of
 * them.
 */
const MAX_WRITES = 400;

/**
 * Registers, read and then written with the token of the answer. Some writers have seen nothing.
 */
export class Registers implements Workload {
  readonly name = 'register';
  readonly #writes = new Map<string, RegisterWrite[]>();
  readonly #rounds: number[] = Array.from({ length: KEYS }, () => 0);
  #next = 0;

  async act(client: NodeClient, dice: Dice): Promise<void> {
    const index = dice.below(KEYS);
    const key = `r-${index}-${this.#rounds[index]}`;
    const isBlind = dice.chance(BLIND_RATE);
    const current = isBlind ? { values: [], token: '' } : await client.read(key);
    if (current === undefined) return;
    const write: RegisterWrite = {
      id: `w${this.#next++}`,
      seen: current.values,
      outcome: 'unknown',
    };
    const writes = this.#writes.get(key) ?? [];
    this.#writes.set(key, writes);
    writes.push(write);
    if (writes.length === MAX_WRITES) this.#rounds[index] = (this.#rounds[index] ?? 0) + 1;
    write.outcome = (
      await client.write(key, { body: write.id, headers: tokenHeader(current.token) })
    ).outcome;
  }

  async judge(client: NodeClient): Promise<string[]> {
    return judgeKeys(client, [...this.#writes.keys()], (key, values) =>
      judgeRegister(this.#writes.get(key) ?? [], values),
    );
  }

  keys(): readonly string[] {
    return [...this.#writes.keys()];
  }

  report(): ReturnType<Workload['report']> {
    const all = [...this.#writes.values()].flat();
    return { did: { attempts: all.length, acknowledged: countDone(all) }, wrong: [] };
  }
}

const countDone = (all: readonly { readonly outcome: Outcome }[]): number =>
  all.filter(({ outcome }) => outcome === 'done').length;

/**
 * Sets as JSON lists. Siblings are merged, one element is added, and the list is written with the
 * token of the answer.
 */
export class Sets implements Workload {
  readonly name = 'set';
  readonly #added = new Map<string, Map<string, Outcome>>();
  readonly #rounds: number[] = Array.from({ length: KEYS }, () => 0);
  #next = 0;

  async act(client: NodeClient, dice: Dice): Promise<void> {
    const index = dice.below(KEYS);
    const key = `s-${index}-${this.#rounds[index]}`;
    const current = await client.read(key);
    if (current === undefined) return;
    const element = `e${this.#next++}`;
    const added = this.#added.get(key) ?? new Map<string, Outcome>();
    this.#added.set(key, added);
    added.set(element, 'unknown');
    if (added.size === MAX_WRITES) this.#rounds[index] = (this.#rounds[index] ?? 0) + 1;
    const body = JSON.stringify([...elementsOf(current.values), element]);
    added.set(
      element,
      (await client.write(key, { body, headers: tokenHeader(current.token) })).outcome,
    );
  }

  async judge(client: NodeClient): Promise<string[]> {
    return judgeKeys(client, [...this.#added.keys()], (key, values) =>
      judgeSet(this.#added.get(key), values),
    );
  }

  keys(): readonly string[] {
    return [...this.#added.keys()];
  }

  report(): ReturnType<Workload['report']> {
    const outcomes = [...this.#added.values()].flatMap((added) => [...added.values()]);
    const acknowledged = outcomes.filter((outcome) => outcome === 'done').length;
    return { did: { attempts: outcomes.length, acknowledged }, wrong: [] };
  }
}

function elementsOf(values: readonly string[]): Set<string> {
  return new Set(values.flatMap((value) => JSON.parse(value) as string[]));
}

/**
 * The acknowledged elements that no sibling of a set has, and the elements that no client has
 * added.
 */
export function judgeSet(
  added: ReadonlyMap<string, Outcome> = new Map(),
  values: readonly string[],
): string[] {
  const elements = elementsOf(values);
  const lost = [...added].filter(
    ([element, outcome]) => outcome === 'done' && !elements.has(element),
  );
  const strange = [...elements].filter((element) => !added.has(element));
  const sayAll = (names: readonly string[]): string =>
    `${names.length}: ${names.slice(0, 5).join(' ')}`;
  return [
    ...(lost.length === 0
      ? []
      : [`acknowledged elements are lost, ${sayAll(lost.map(([element]) => element))}`]),
    ...(strange.length === 0 ? [] : [`no client added ${sayAll(strange)}`]),
  ];
}
