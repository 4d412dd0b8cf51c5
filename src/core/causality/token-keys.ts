/**
 * The keys with which the nodes of a cluster sign tokens. They are a set, which merges to the same
 * set on all nodes: nodes that cannot hear each other may each draw a key, and clusters that merge
 * have different ones.
 *
 * A key is *settled* when every member has had it on its disk. Tokens are signed with the newest
 * settled key, so that each node can check them, and checked against all keys. A settled key stays
 * settled: a node that joins later gets it with the list of members. The first key signs at once. A
 * node without it has no key at all, and answers no reads and writes until it has one.
 *
 * A key signs for `TOKEN_KEY_MICROS`. Then a new one is drawn, and when that has been settled for
 * as long, the old one is forgotten.
 */
import type { Random } from '../../base/env.ts';
import { macOf, SECRET_BYTES } from '../../base/mac.ts';
import { MAX_KEY_GENERATION, MAX_TOKEN_KEYS, TOKEN_KEY_MICROS } from '../limits.ts';

/** A key, as nodes keep it and tell it each other. */
export interface TokenKey {
  readonly secret: Uint8Array;
  /** The newest key has the highest number. */
  readonly generation: number;
  /** The wall time at which all members had it, µs since 1970; 0 if they have not yet. */
  readonly settledMicros: number;
}

/** A key with its id, which tokens name. */
export interface NamedKey extends TokenKey {
  /** It follows from the secret, but says nothing about it. */
  readonly id: number;
}

/** The id of a key: the same on all nodes. */
function idOf(secret: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = macOf(secret, 'mec token key');
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** The order is the same on all nodes, so that all of them leave out the same keys. */
const newestFirst = (a: NamedKey, b: NamedKey): number =>
  b.generation - a.generation || b.id - a.id;

/** The keys of one cluster, as a node knows them. */
export class TokenKeys {
  /**
   * Whether a majority of the members has told its keys since the start. Until then a key may be
   * missing here: the disk may be an older one, from before the key was drawn.
   */
  isInformed = false;
  #keys: readonly NamedKey[] = [];
  #settled: NamedKey | undefined;

  constructor(kept: readonly TokenKey[] = []) {
    this.merge(kept);
  }

  /** All keys, the newest first. */
  get all(): readonly NamedKey[] {
    return this.#keys;
  }

  /** The key that signs; undefined as long as there is none. */
  get signing(): NamedKey | undefined {
    return this.#settled ?? this.#keys[0];
  }

  /** Adds keys. Of one key with two times, the earlier one counts. */
  merge(keys: readonly TokenKey[]): void {
    const byId = new Map(this.#keys.map((key) => [key.id, key]));
    for (const { secret, generation, settledMicros } of keys) {
      const id = idOf(secret);
      const known = byId.get(id);
      const times = [known?.settledMicros ?? 0, settledMicros].filter((micros) => micros > 0);
      const settled = times.length === 0 ? 0 : Math.min(...times);
      // The bytes may be a view on a frame.
      const kept = known?.secret ?? secret.slice();
      byId.set(id, { id, secret: kept, generation, settledMicros: settled });
    }
    this.#set([...byId.values()]);
  }

  /** The ids of keys, of whatever cluster. */
  idsOf(keys: readonly TokenKey[]): number[] {
    return keys.map(({ secret }) => idOf(secret));
  }

  #set(keys: NamedKey[]): void {
    this.#keys = keys.sort(newestFirst).slice(0, MAX_TOKEN_KEYS);
    this.#settled = this.#keys.find(({ settledMicros }) => settledMicros > 0);
  }

  /** Whether a new key is needed: there is none, or the newest one has signed long enough. */
  isDue(nowMicros: number): boolean {
    const [newest] = this.#keys;
    if (newest === undefined) return true;
    return newest.settledMicros > 0 && newest.settledMicros + TOKEN_KEY_MICROS <= nowMicros;
  }

  /** Adds a new key, which is not settled. */
  draw(random: Random): void {
    const secret = new Uint8Array(SECRET_BYTES);
    const view = new DataView(secret.buffer);
    for (let at = 0; at < SECRET_BYTES; at += 4) view.setUint32(at, random.uint32());
    const generation = Math.min(MAX_KEY_GENERATION, (this.#keys[0]?.generation ?? 0) + 1);
    this.merge([{ secret, generation, settledMicros: 0 }]);
  }

  /** Notes that all members have these keys at a time. */
  settle(isEverywhere: (id: number) => boolean, nowMicros: number): void {
    const isSettled = ({ id, settledMicros }: NamedKey): boolean =>
      settledMicros > 0 || isEverywhere(id);
    if (this.#keys.every((key) => key.settledMicros > 0 || !isSettled(key))) return;
    this.#set(
      this.#keys.map((key) =>
        key.settledMicros === 0 && isSettled(key) ? { ...key, settledMicros: nowMicros } : key,
      ),
    );
  }

  /** Forgets the keys that a later one has replaced for long enough. */
  forgetOld(nowMicros: number): void {
    const signing = this.#settled;
    if (signing === undefined || signing.settledMicros + TOKEN_KEY_MICROS > nowMicros) return;
    const isOld = (key: NamedKey): boolean => newestFirst(key, signing) > 0;
    if (this.#keys.some(isOld)) this.#set(this.#keys.filter((key) => !isOld(key)));
  }
}
