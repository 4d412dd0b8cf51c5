/**
 * Grants that expired: neither a store nor a release came from the coordinator. An owner frees such
 * a key for the next one to ask, so a coordinator could have it again and again. After a lapse it
 * yields to rivals, for longer than it had the key. At some moment, a majority of the owners is
 * free for them.
 */
import { GRANT_MS, LAPSE_MS, MAX_LAPSES } from '../limits.ts';

interface Lapse {
  readonly coordinator: string;
  readonly endMs: number;
  /** When another coordinator last asked for the key. */
  rivalMs: number;
}

/** The coordinator of a ballot: the name of its process, before the number of the ballot. */
export function coordinatorOf(ballot: string): string {
  const end = ballot.lastIndexOf('/');
  return end < 0 ? ballot : ballot.slice(0, end);
}

/** The latest lapses, by key. */
export class LapsedGrants {
  readonly #byKey = new Map<string, Lapse>();

  /** Notes that a grant has expired at `lapsedMs`. A rival was refused at `rivalMs`. */
  note(
    key: string,
    coordinator: string,
    { lapsedMs, rivalMs }: Record<'lapsedMs' | 'rivalMs', number>,
  ): void {
    const known = this.#byKey.get(key);
    const latestMs =
      known?.coordinator === coordinator ? Math.max(known.rivalMs, rivalMs) : rivalMs;
    this.#byKey.delete(key);
    this.#byKey.set(key, { coordinator, endMs: lapsedMs + LAPSE_MS, rivalMs: latestMs });
    const [oldest = key] = this.#byKey.keys();
    if (this.#byKey.size > MAX_LAPSES) this.#byKey.delete(oldest);
  }

  /** Whether a coordinator that asks for a key must leave it to a rival. */
  mustYield(key: string, coordinator: string, nowMs: number): boolean {
    const lapse = this.#byKey.get(key);
    if (lapse === undefined) return false;
    if (lapse.endMs <= nowMs) this.#byKey.delete(key);
    else if (lapse.coordinator === coordinator) return nowMs - lapse.rivalMs < GRANT_MS;
    else lapse.rivalMs = nowMs;
    return false;
  }
}
