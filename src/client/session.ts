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
import { MAX_GONE_TOKENS } from '../core/limits.ts';
import { MAX_SESSION_DOTS, MAX_SESSION_GONE_CHARS, MAX_SESSION_KEYS } from './limits.ts';
import { drawShortName } from '../core/causality/actor.ts';
import { dotsOf, type Read } from './answers.ts';
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
export function seenHeaders({ dots, gone }: SeenOfKey): Record<string, string> {
  const headers: Record<string, string> = {};
  if (dots.length > 0) headers['X-Mec-Seen'] = dots.join(', ');
  if (gone.length > 0) headers['X-Mec-Gone'] = gone.join(', ');
  return headers;
}

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
   * Records a read that had to include `asked` and returned these versions. They replace `asked`,
   * but not the writes made since the read began.
   */
  noteRead(key: string, required: SeenOfKey, dots: readonly string[]): void {
    if (dots.length === 0) return;
    const since = this.seen(key).dots.filter(
      (dot) => !required.dots.includes(dot) && !dots.includes(dot),
    );
    this.#remember(key, { dots: [...dots, ...since].slice(-MAX_SESSION_DOTS) });
  }

  /** Records the result of a read that had to include `asked`. */
  noteAnswer(key: string, asked: SeenOfKey, read: Read<unknown>): void {
    if (read.kind !== 'missing') this.noteRead(key, asked, dotsOf(read));
    else if (read.token !== undefined) this.noteMissing(key, asked, read.token);
  }

  /**
   * Records a read that had to include `asked` and found no value. Its token replaces `asked`, and
   * tells which versions are gone.
   */
  noteMissing(key: string, required: SeenOfKey, token: string): void {
    const since = this.seen(key).gone.filter(
      (other) => !required.gone.includes(other) && other !== token,
    );
    const gone = [token, ...since].slice(0, MAX_GONE_TOKENS);
    while (gone.join().length > MAX_SESSION_GONE_CHARS) gone.pop();
    this.#remember(key, { gone });
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
    const { dots, gone } = this.seen(key);
    this.#byKey.delete(key);
    if (dots.length + gone.length > 0) this.#remember(key, { dots, gone });
  }

  /** Forgets a key and its author. */
  forget(key: string): void {
    this.#byKey.delete(key);
  }

  #remember(key: string, news: Partial<KeyMemory>): KeyMemory {
    const before = this.#byKey.get(key) ?? {
      author: drawShortName(this.#random),
      number: 0,
      ...NOTHING,
    };
    const memory = { ...before, ...news };
    this.#byKey.delete(key);
    this.#byKey.set(key, memory);
    for (const oldest of this.#byKey.keys()) {
      if (this.#byKey.size <= MAX_SESSION_KEYS) break;
      this.#byKey.delete(oldest);
    }
    return memory;
  }
}
