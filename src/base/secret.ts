/** Secrets as a type: printed in any way, one is `[secret]`. */

const SHOWN = '[secret]';

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
