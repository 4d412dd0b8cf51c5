/** The lives of members that have ended, as far as this node knows. */
import { MAX_ENDED_LIVES } from '../limits.ts';

/** Remembers the latest lives that ended. */
export class EndedLives {
  readonly #lives = new Set<string>();

  /** Notes that another life has followed. */
  note(life: string): void {
    const lives = this.#lives.add(life);
    for (const oldest of lives) {
      if (lives.size <= MAX_ENDED_LIVES) return;
      lives.delete(oldest);
    }
  }

  /** Whether a life is known to have ended. */
  has(life: string): boolean {
    return this.#lives.has(life);
  }
}
