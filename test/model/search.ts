/**
 * A breadth-first search of all states of a model. It ends with the first violation, or when there
 * are no more states.
 */
import { Model, type Plan, type Violation } from './conditional-writes.ts';

/** The result of a search. */
export interface Found {
  readonly violation: Violation | undefined;
  /** The steps to the violation. */
  readonly trace: readonly string[];
  readonly states: number;
  /** Whether there was not enough memory for all states. */
  readonly isCut: boolean;
  /** All answers that clients got somewhere. A search without any 200 proves nothing. */
  readonly told: ReadonlySet<'200' | '412' | '200 again'>;
}

/** The number of states that fit into the memory of a small machine. */
const MAX_STATES = 4_000_000;
const FIRST_SLOTS = 1 << 16;

/** All states found so far, each with the state from which it was reached. */
class States {
  readonly #bytes: number;
  #slots = new Uint32Array(FIRST_SLOTS);
  #kept: Uint8Array;
  #from = new Uint32Array(FIRST_SLOTS);
  count = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#kept = new Uint8Array(bytes * FIRST_SLOTS);
  }

  get(n: number): Uint8Array {
    return this.#kept.subarray((n - 1) * this.#bytes, n * this.#bytes);
  }

  from(n: number): number {
    return this.#from[n] ?? 0;
  }

  /** Adds a state. Returns false if it was known. */
  add(state: Uint8Array, from: number): boolean {
    if (2 * (this.count + 1) > this.#slots.length) this.#grow();
    const slot = this.#slotOf(state);
    if (this.#slots[slot] !== 0) return false;
    this.count += 1;
    this.#slots[slot] = this.count;
    this.#from[this.count] = from;
    this.#kept.set(state, (this.count - 1) * this.#bytes);
    return true;
  }

  #slotOf(state: Uint8Array): number {
    const last = this.#slots.length - 1;
    for (let slot = hashOf(state) & last; ; slot = (slot + 1) & last) {
      const n = this.#slots[slot] as number;
      if (n === 0 || this.#isAt(n, state)) return slot;
    }
  }

  #isAt(n: number, state: Uint8Array): boolean {
    const offset = (n - 1) * this.#bytes;
    for (let i = 0; i < this.#bytes; i++) if (this.#kept[offset + i] !== state[i]) return false;
    return true;
  }

  #grow(): void {
    const size = 2 * this.#slots.length;
    const [kept, from] = [this.#kept, this.#from];
    this.#kept = new Uint8Array(this.#bytes * size);
    this.#kept.set(kept);
    this.#from = new Uint32Array(size);
    this.#from.set(from);
    this.#slots = new Uint32Array(size);
    for (let n = 1; n <= this.count; n++) this.#slots[this.#slotOf(this.get(n))] = n;
  }
}

function hashOf(state: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of state) hash = Math.imul(hash ^ byte, 0x01000193) ^ (hash >>> 15);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Searches all states of a plan. */
export function search(plan: Plan): Found {
  const model = new Model(plan);
  const states = new States(model.bytes);
  const [next, canonical, scratch] = [
    new Uint8Array(model.bytes),
    new Uint8Array(model.bytes),
    new Uint8Array(model.bytes),
  ];
  const told = new Set<'200' | '412' | '200 again'>();
  states.add(new Uint8Array(model.bytes), 0);
  for (let n = 1; n <= states.count; n++) {
    const state = states.get(n).slice();
    const violation = model.violation(state);
    if (violation !== undefined) {
      return {
        violation,
        trace: traceOf(model, states, n),
        states: states.count,
        isCut: false,
        told,
      };
    }
    for (let w = 0; w < model.writers; w++) {
      if (model.isRefused(state, w)) told.add('412');
      if (model.isTold(state, w)) told.add(model.isRepeat(state, w) ? '200 again' : '200');
    }
    if (states.count >= MAX_STATES)
      return { violation, trace: [], states: states.count, isCut: true, told };
    model.follow(state, next, () => {
      model.canonical(next, canonical, scratch);
      states.add(canonical, n);
    });
  }
  return { violation: undefined, trace: [], states: states.count, isCut: false, told };
}

/**
 * The steps to a state, replayed from the beginning so that owners and writers keep their names.
 */
function traceOf(model: Model, states: States, n: number): string[] {
  const path: Uint8Array[] = [];
  for (let m = n; states.from(m) > 0; m = states.from(m)) path.unshift(states.get(m).slice());
  const [next, canonical, scratch] = [
    new Uint8Array(model.bytes),
    new Uint8Array(model.bytes),
    new Uint8Array(model.bytes),
  ];
  const lines: string[] = [];
  let state = new Uint8Array(model.bytes);
  for (const goal of path) {
    let found: Uint8Array<ArrayBuffer> | undefined;
    model.follow(state, next, (what, i, j) => {
      if (found !== undefined) return;
      model.canonical(next, canonical, scratch);
      if (!canonical.every((byte, at) => byte === goal[at])) return;
      found = next.slice();
      lines.push(sentenceOf(model, what, i, j));
    });
    state = found ?? state;
  }
  return lines;
}

const OF_WRITERS = new Set(['starts', 'is sent', 'reads and starts', 'decides', 'is given up']);
const OF_OWNERS = new Set(['tells', 'fills', 'makes a fence for']);

function sentenceOf(model: Model, what: string, i: number, j: number): string {
  const writer = (w: number): string => `W${w} (${model.plan.kinds[w] ?? ''})`;
  const owner = (n: number): string => 'ABCD'[n] ?? '';
  if (OF_WRITERS.has(what)) return `${writer(i)} ${what}${j > 0 ? ` with view ${j}` : ''}`;
  if (j < 0) return `${owner(i)} ${what}`;
  return `${owner(i)} ${what} ${OF_OWNERS.has(what) ? owner(j) : writer(j)}`;
}
