/**
 * What a client has seen of each key: so that it never reads back behind its own writes or an earlier read, and so that
 * `update` signs with a name that continues. The least recently used key is forgotten.
 *
 * A name (author) lives by the rule of the store's own actors: whoever cannot prove that it continues where it stopped
 * takes a new one. Data types such as sets and counters number an author's changes; two different changes under one
 * number would be one of them lost. So a name is given up when a write's outcome is not known, when no node can be found
 * that knows the name's last write, and when the key has no value any more.
 */
import type { Random } from '../../base/env.ts';
import { MAX_SESSION_DOTS, MAX_SESSION_KEYS } from '../../base/door-limits.ts';
import { drawIncarnation } from '../../core/actor.ts';
import type { Author } from './merge/merge.ts';

interface Memory {
  readonly author: string;
  /** Of the author's last change. */
  readonly number: number;
  /** Dots as text: versions seen in the last read, and own writes since. */
  readonly dots: readonly string[];
}

/** The memory of one client. */
export class Session {
  readonly #random: Random;
  /** In order of last use. */
  readonly #byKey = new Map<string, Memory>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The dots that the next read of a key has to know about. */
  dots(key: string): readonly string[] {
    return this.#byKey.get(key)?.dots ?? [];
  }

  /** Name and number for this client's next change of a key; a new name where the state that the old one has signed is gone. */
  nextAuthor(key: string, isStateGone: boolean): Pick<Author, 'name' | 'number'> {
    const dots = this.dots(key);
    if (isStateGone) this.#byKey.delete(key);
    const { author: name, number } = this.#remember(key, { dots, number: (this.#byKey.get(key)?.number ?? 0) + 1 });
    return { name, number };
  }

  /**
   * A read that had to know about `asked` has answered with these versions: they stand for what was asked, and not for what was
   * written meanwhile. One that found nothing names nothing that could stand for it.
   */
  hasRead(key: string, asked: readonly string[], dots: readonly string[]): void {
    if (dots.length === 0) return;
    const since = this.dots(key).filter((dot) => !asked.includes(dot) && !dots.includes(dot));
    this.#remember(key, { dots: [...dots, ...since].slice(-MAX_SESSION_DOTS) });
  }

  /** A write was acknowledged under this dot. */
  hasWritten(key: string, dot: string): void {
    if (dot !== '') this.#remember(key, { dots: [...this.dots(key), dot].slice(-MAX_SESSION_DOTS) });
  }

  /** Forgets a key, its author too. */
  forget(key: string): void {
    this.#byKey.delete(key);
  }

  #remember(key: string, news: Partial<Memory>): Memory {
    const before = this.#byKey.get(key) ?? { author: drawIncarnation(this.#random), number: 0, dots: [] };
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
