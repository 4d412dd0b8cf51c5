/**
 * The session of a client: its reads and writes of each key. It keeps reads from going back before
 * the client's own writes or earlier reads, and lets `update` continue under one author. The least
 * recently used key is forgotten.
 *
 * An author follows the rule of the store's actors: it ends if the client cannot prove that it
 * continues from its last change. Sets and counters number the changes of an author, so two
 * different changes under one number would lose one. Therefore an author ends in three cases: the
 * outcome of a write is unknown, no node with the author's last write can be found, or the key has
 * no value any longer.
 */
import type { Random } from '../base/env.ts';
import {
  MAX_GONE_TOKENS,
  MAX_SESSION_DOTS,
  MAX_SESSION_GONE_CHARS,
  MAX_SESSION_KEYS,
} from './limits.ts';
import { drawShortName } from '../core/causality/actor.ts';
import { dotsOf, type Read } from './answers.ts';
import type { RequestFields } from './attempt.ts';
import type { Author } from './merge/merge.ts';

interface KeyMemory {
  readonly author: string;
  /** The number of the author's last change. */
  readonly number: number;
  /** Dots as text: the versions of the last read, and this client's writes since. */
  readonly dots: readonly string[];
  /**
   * Tokens of reads that found no value. A later read must not show a version that they include.
   */
  readonly gone: readonly string[];
}

/** The state that the next read of a key must include. */
export type SeenOfKey = Pick<KeyMemory, 'dots' | 'gone'>;

const NOTHING: SeenOfKey = { dots: [], gone: [] };

/** The headers that name the state that a read must include. */
export const seenHeaders = ({ dots, gone }: SeenOfKey): RequestFields => ({
  'x-mec-seen': dots.join(', ') || undefined,
  'x-mec-gone': gone.join(', ') || undefined,
});

/** The texts that neither of two lists has. */
const without = (
  texts: readonly string[],
  asked: readonly string[],
  found: readonly string[],
): string[] => texts.filter((text) => !asked.includes(text) && !found.includes(text));

/** The session of one client. */
export class Session {
  readonly #random: Random;
  /** In order of last use. */
  readonly #byKey = new Map<string, KeyMemory>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The state of a key that this client has seen. */
  seen(key: string): SeenOfKey {
    return this.#byKey.get(key) ?? NOTHING;
  }

  /**
   * The author's name and number for this client's next change of a key. If the value that the last
   * author changed is gone, the author is a new one.
   */
  nextAuthor(key: string, isStateGone: boolean): Pick<Author, 'name' | 'number'> {
    if (isStateGone) this.endAuthor(key);
    const { author: name, number } = this.#remember(key, {
      number: (this.#byKey.get(key)?.number ?? 0) + 1,
    });
    return { name, number };
  }

  /**
   * Records the result of a read that had to include `asked`. The versions that it returned replace
   * `asked`, but not the writes made since the read began. If it found no value, its token tells
   * which versions are gone, and replaces `asked` in the same way.
   */
  noteAnswer(key: string, asked: SeenOfKey, read: Read<unknown>): void {
    const { dots, gone } = this.seen(key);
    if (read.kind !== 'missing') {
      const found = dotsOf(read);
      const all = [...found, ...without(dots, asked.dots, found)];
      this.#remember(key, { dots: all.slice(-MAX_SESSION_DOTS) });
    } else if (read.token !== undefined) {
      const found = [read.token];
      const all = [...found, ...without(gone, asked.gone, found)].slice(0, MAX_GONE_TOKENS);
      while (all.join().length > MAX_SESSION_GONE_CHARS) all.pop();
      this.#remember(key, { gone: all });
    }
  }

  /** Records an acknowledged write. Any node that has its dot has all that its token includes. */
  noteWrite(key: string, dot: string, token: string | undefined): void {
    if (dot === '') return;
    const { dots, gone } = this.seen(key);
    this.#remember(key, {
      dots: [...dots, dot].slice(-MAX_SESSION_DOTS),
      gone: gone.filter((other) => other !== token),
    });
  }

  /** Ends the author of a key. The dots and tokens of the key stay. */
  endAuthor(key: string): void {
    this.#remember(key, this.#newAuthor());
  }

  /** Forgets a key and its author. */
  forget(key: string): void {
    this.#byKey.delete(key);
  }

  #remember(key: string, news: Partial<KeyMemory>): KeyMemory {
    const before = this.#byKey.get(key) ?? { ...this.#newAuthor(), ...NOTHING };
    const memory = { ...before, ...news };
    this.#byKey.delete(key);
    this.#byKey.set(key, memory);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > MAX_SESSION_KEYS) this.#byKey.delete(oldest as string);
    return memory;
  }

  #newAuthor(): Pick<KeyMemory, 'author' | 'number'> {
    return { author: drawShortName(this.#random), number: 0 };
  }
}
