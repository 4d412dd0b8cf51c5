/**
 * The kernel of sets and maps with removal: what the store itself does with versions, once more
 * inside of one value. Every addition lies under a dot, `author:number`; the clock says which dots
 * this state has seen. A dot that one side has seen and no longer holds was removed there; one that
 * it has not seen is new to it. So a removal takes exactly what its author saw, an addition made at
 * once survives it, and nothing is kept of what was removed.
 *
 * Sources: Bieniusa et al., "An optimized conflict-free replicated set" (2012); Almeida, Shoker, Baquero, "Delta State
 * Replicated Data Types" (2018).
 */
import type { Author } from './merge.ts';

/** Payloads under their dots, by key. */
export interface DottedMap<P> {
  /** The number of the last change seen, by author. */
  readonly clock: Readonly<Record<string, number>>;
  readonly entries: Readonly<Record<string, Readonly<Record<string, P>>>>;
}

/** Nothing in it, nothing seen. */
export function emptyMap<P>(): DottedMap<P> {
  return { clock: {}, entries: {} };
}

/** The payloads of a key: one, or several where it was put at once. */
export function payloads<P>({ entries }: DottedMap<P>, key: string): P[] {
  return Object.hasOwn(entries, key) ? Object.values(entries[key] as Readonly<Record<string, P>>) : [];
}

/** Puts a payload in place of those that are there. */
export function putPayload<P>(
  state: DottedMap<P>,
  key: string,
  { payload, author }: { payload: P; author: Author },
): DottedMap<P> {
  // Unlike an assignment, this takes "__proto__" for a key like any other.
  const entry = Object.fromEntries([[`${author.name}:${author.number}`, payload]]);
  return {
    clock: { ...state.clock, [author.name]: author.number },
    entries: Object.fromEntries([...Object.entries(state.entries).filter(([other]) => other !== key), [key, entry]]),
  };
}

/** Takes away what is there under a key. */
export function removeKey<P>({ clock, entries }: DottedMap<P>, key: string): DottedMap<P> {
  return { clock, entries: Object.fromEntries(Object.entries(entries).filter(([other]) => other !== key)) };
}

/** Two states as one. */
export function mergeMaps<P>(a: DottedMap<P>, b: DottedMap<P>): DottedMap<P> {
  const clock = new Map(Object.entries(a.clock));
  for (const [name, n] of Object.entries(b.clock)) clock.set(name, Math.max(n, clock.get(name) ?? 0));
  const entries = new Map<string, Record<string, P>>();
  for (const [mine, theirs] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const [key, dots] of Object.entries(mine.entries)) {
      const kept = Object.entries(dots).filter(([dot]) => hasDot(theirs, key, dot) || !hasSeen(theirs, dot));
      if (kept.length > 0) entries.set(key, Object.fromEntries([...Object.entries(entries.get(key) ?? {}), ...kept]));
    }
  }
  return { clock: Object.fromEntries(clock), entries: Object.fromEntries(entries) };
}

function hasDot<P>({ entries }: DottedMap<P>, key: string, dot: string): boolean {
  return Object.hasOwn(entries, key) && Object.hasOwn(entries[key] as object, dot);
}

function hasSeen<P>({ clock }: DottedMap<P>, dot: string): boolean {
  const colon = dot.lastIndexOf(':');
  const name = dot.slice(0, colon);
  return Object.hasOwn(clock, name) && (clock[name] as number) >= Number(dot.slice(colon + 1));
}
