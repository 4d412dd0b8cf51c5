/** Work under way that a stopping node finishes first. */
import { MecError } from '../base/errors.ts';

/** Counts what is under way, and lets no more begin once it is to end. */
export class Work {
  #count = 0;
  #isEnding = false;
  #onIdle: (() => void)[] = [];

  /** One more begins; the result is to be called when it is done. Throws `stopping` once the work is to end. */
  begin(): () => void {
    if (this.#isEnding) throw new MecError('stopping');
    this.#count += 1;
    return () => {
      this.#count -= 1;
      if (this.#count === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    };
  }

  /** Resolves when the last is done. */
  end(): Promise<void> {
    this.#isEnding = true;
    return new Promise((resolve) => {
      if (this.#count === 0) resolve();
      else this.#onIdle.push(resolve);
    });
  }
}
