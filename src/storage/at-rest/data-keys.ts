/**
 * The keys that encrypt the records of one store. The master key, which is not on this disk, wraps
 * each of them. The newest one seals, and the others only open what they have sealed, until all
 * records are rewritten. So neither a new master key nor a new data key makes a store unreadable.
 */
import { utf8ToBytes } from '../../base/bytes.ts';
import { CIPHER_KEY_BYTES, CipherKey, drawBytes } from '../../base/cipher.ts';
import type { Random } from '../../base/env.ts';
import { StartError } from '../../base/errors.ts';
import { MAX_DATA_KEYS } from '../limits.ts';

const FILE_FORMAT = 1;
const ID_BYTES = 8;

/** One data key, which the master key has wrapped. */
interface WrappedKey {
  /** Each new key has the next generation. */
  readonly generation: number;
  readonly wrapped: string;
}

/** The file of a store's keys. */
interface KeyFile {
  readonly format: number;
  /** Names the store. A store remembers the id, so that it is never opened with other keys. */
  readonly id: string;
  readonly keys: readonly WrappedKey[];
}

/** The data keys of one store. */
export class DataKeys {
  readonly id: string;
  readonly #bytes: Map<number, Uint8Array>;
  readonly #keys = new Map<number, CipherKey>();

  private constructor(id: string, bytes: Map<number, Uint8Array>) {
    this.id = id;
    this.#bytes = bytes;
    for (const [generation, key] of bytes) this.#keys.set(generation, new CipherKey(key));
  }

  /** Draws the first key of a new store. */
  static draw(random: Random): DataKeys {
    const id = Buffer.from(drawBytes(random, ID_BYTES)).toString('hex');
    return new DataKeys(id, new Map([[1, drawBytes(random, CIPHER_KEY_BYTES)]]));
  }

  /** Opens the text of a file. Throws `StartError` if this master key did not wrap its keys. */
  static open(file: string, text: string, master: CipherKey): DataKeys {
    const { format, id, keys } = parse(file, text);
    if (format !== FILE_FORMAT)
      throw new StartError(`${file} has format ${format}; this version reads ${FILE_FORMAT}`);
    const bytes = new Map<number, Uint8Array>();
    for (const { generation, wrapped } of keys) {
      const key = master.unseal(Buffer.from(wrapped, 'base64'), nameOf(id, generation));
      if (key?.length !== CIPHER_KEY_BYTES)
        throw new StartError(`${file} was not made with this master key; give the right one`);
      bytes.set(generation, key);
    }
    return new DataKeys(id, bytes);
  }

  /** The text for the file, with all keys wrapped by a master key. */
  toText(master: CipherKey, random: Random): string {
    const keys = [...this.#bytes].map(([generation, key]): WrappedKey => {
      const wrapped = master.seal(key, nameOf(this.id, generation), { random });
      return { generation, wrapped: Buffer.from(wrapped).toString('base64') };
    });
    const file: KeyFile = { format: FILE_FORMAT, id: this.id, keys };
    return `${JSON.stringify(file, undefined, 2)}\n`;
  }

  /** The generation of the key that seals. */
  get newest(): number {
    return Math.max(...this.#keys.keys());
  }

  /** The number of keys. */
  get count(): number {
    return this.#keys.size;
  }

  /** The key of a generation; undefined if there is none. */
  find(generation: number): CipherKey | undefined {
    return this.#keys.get(generation);
  }

  /** Adds a new key, which seals from now on. Throws `StartError` if there are too many. */
  add(random: Random): void {
    if (this.count >= MAX_DATA_KEYS)
      throw new StartError(
        `The store has ${this.count} data keys; let the node rewrite its records first`,
      );
    this.#put(this.newest + 1, drawBytes(random, CIPHER_KEY_BYTES));
  }

  /** Takes over the keys of the same store that this one does not have. */
  join(other: DataKeys): void {
    for (const [generation, key] of other.#bytes) this.#put(generation, key);
  }

  #put(generation: number, key: Uint8Array): void {
    this.#bytes.set(generation, key);
    this.#keys.set(generation, new CipherKey(key));
  }
}

/** Returns the text of a file without the keys before a generation. Needs no master key. */
export function withoutKeysBefore(file: string, text: string, generation: number): string {
  const { keys, ...rest } = parse(file, text);
  const left = keys.filter((key) => key.generation >= generation);
  return `${JSON.stringify({ ...rest, keys: left }, undefined, 2)}\n`;
}

/** The name under which a data key is wrapped: it is of no use in another place. */
const nameOf = (id: string, generation: number): Uint8Array =>
  utf8ToBytes(`mec data key ${id} ${generation}`);

function parse(file: string, text: string): KeyFile {
  try {
    const { format, id, keys } = JSON.parse(text) as KeyFile;
    const areKeys =
      Array.isArray(keys) &&
      keys.length > 0 &&
      keys.every(
        ({ generation, wrapped }) => Number.isInteger(generation) && typeof wrapped === 'string',
      );
    if (typeof id === 'string' && areKeys) return { format, id, keys };
  } catch {
    // The complaint below says it.
  }
  throw new StartError(`${file} is damaged; put a copy of it in its place`);
}
