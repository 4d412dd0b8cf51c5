/** Secrets as a type: printed in any way, one is `[secret]`. */

const SHOWN = '[secret]';

/** The names and values of settings are shorter, and secrets are longer. */
const MAX_REPEATED_CHARS = 40;
/** Enough to recognize a text, and less than the part of a token that its id is. */
const KNOWN_BY_CHARS = 12;

/**
 * The text of a caller, as an error repeats it: only the beginning of a long one, which may be a
 * secret in a wrong place.
 */
export const repeated = (text: string): string =>
  text.length <= MAX_REPEATED_CHARS ? text : `${text.slice(0, KNOWN_BY_CHARS)}…`;

/** A text that no log, error or document may have. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. The caller must not print it, but to the user that has asked for it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  /** The text that `console.log` and `util.inspect` of Node show. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return SHOWN;
  }
}
