/**
 * What a client has seen of each key: so that it never reads back behind its own writes or an earlier read, and so that
 * `update` signs with a name that continues. The least recently used key is forgotten.
 *
 * A name (author) lives by the rule of the store's own actors: whoever cannot prove that it
 * continues where it stopped takes a new one. Data types such as sets and counters number an
 * author's changes; two different changes under one number would be one of them lost. So a name is
 * given up when a write's outcome is not known, when no node can be found that knows the name's
 * last write, and when the key has no value any more.
 */
import type { Random } from '../base/env.ts';
import { MAX_GONE_TOKENS } from '../core/limits.ts';
import { MAX_SESSION_DOTS, MAX_SESSION_GONE_CHARS, MAX_SESSION_KEYS } from './limits.ts';
import { drawShortName } from '../core/causality/actor.ts';
import type { Author } from './merge/merge.ts';

interface KeyMemory {
  readonly author: string;
  /** Of the author's last change. */
  readonly number: number;
  /** Dots as text: versions seen in the last read, and own writes since. */
  readonly dots: readonly string[];
  /** Tokens of reads that found nothing: a read that is behind them must not show what they say is gone. */
  readonly gone: readonly string[];
}

/** What the next read of a key has to know about. */
export type SeenOfKey = Pick<KeyMemory, 'dots' | 'gone'>;

const NOTHING: SeenOfKey = { dots: [], gone: [] };

/** The memory of one client. */
export class Session {
  readonly #random: Random;
  /** In order of last use. */
  readonly #byKey = new Map<string, KeyMemory>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** What this client has seen of a key. */
  seen(key: string): SeenOfKey {
    return this.#byKey.get(key) ?? NOTHING;
  }

  /**
   * Name and number for this client's next change of a key; a new name where the state that the old
   * one has signed is gone.
   */
  nextAuthor(key: string, isStateGone: boolean): Pick<Author, 'name' | 'number'> {
    if (isStateGone) this.giveUpAuthor(key);
    const { author: name, number } = this.#remember(key, { number: (this.#byKey.get(key)?.number ?? 0) + 1 });
    return { name, number };
  }

  /**
   * A read that had to know about `asked` has answered with these versions: they stand for what was
   * asked, and not for what was written meanwhile.
   */
  hasRead(key: string, asked: SeenOfKey, dots: readonly string[]): void {
    if (dots.length === 0) return;
    const since = this.seen(key).dots.filter((dot) => !asked.dots.includes(dot) && !dots.includes(dot));
    this.#remember(key, { dots: [...dots, ...since].slice(-MAX_SESSION_DOTS) });
  }

  /**
   * A read that had to know about `asked` has found nothing: its token stands for what was asked,
   * and says what is gone.
   */
  hasMissed(key: string, asked: SeenOfKey, token: string): void {
    const since = this.seen(key).gone.filter((other) => !asked.gone.includes(other) && other !== token);
    const gone = [token, ...since].slice(0, MAX_GONE_TOKENS);
    while (gone.join().length > MAX_SESSION_GONE_CHARS) gone.pop();
    this.#remember(key, { gone });
  }

  /** A write with this token was acknowledged under this dot: who knows the dot knows what the token says is gone. */
  hasWritten(key: string, dot: string, token: string | undefined): void {
    if (dot === '') return;
    const { dots, gone } = this.seen(key);
    this.#remember(key, {
      dots: [...dots, dot].slice(-MAX_SESSION_DOTS),
      gone: gone.filter((other) => other !== token),
    });
  }

  /** Ends the name under which this client changes a key; what it has seen of the key still holds. */
  giveUpAuthor(key: string): void {
    const { dots, gone } = this.seen(key);
    this.#byKey.delete(key);
    if (dots.length + gone.length > 0) this.#remember(key, { dots, gone });
  }

  /** Forgets a key, its author too. */
  forget(key: string): void {
    this.#byKey.delete(key);
  }

  #remember(key: string, news: Partial<KeyMemory>): KeyMemory {
    const before = this.#byKey.get(key) ?? { author: drawShortName(this.#random), number: 0, ...NOTHING };
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
