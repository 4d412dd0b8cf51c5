/**
 * The kernel of sets and maps with removal. It does inside one value what the store does with
 * versions. Every addition has a dot, `author:number`, and the clock holds the dots that a state
 * has seen. If one side has seen a dot but no longer has it, the addition was removed there. If it
 * has not seen the dot, the addition is new to it. So a removal removes exactly what its author
 * saw, a concurrent addition survives, and nothing remains of removed elements.
 *
 * Sources: Bieniusa et al., "An optimized conflict-free replicated set" (2012); Almeida, Shoker,
 * Baquero, "Delta State Replicated Data Types" (2018).
 */
import type { Author } from './merge.ts';

/** A state: the payloads of each key, by the dot of the addition. */
export interface DottedMap<P> {
  /** The number of each author's last change in this state. */
  readonly clock: Readonly<Record<string, number>>;
  readonly entries: Readonly<Record<string, Readonly<Record<string, P>>>>;
}

/** A state without entries and without any seen dot. */
export function emptyMap<P>(): DottedMap<P> {
  return { clock: {}, entries: {} };
}

/** The payloads of a key: one, or several after concurrent additions; empty if absent. */
export function payloads<P>({ entries }: DottedMap<P>, key: string): P[] {
  return Object.hasOwn(entries, key)
    ? Object.values(entries[key] as Readonly<Record<string, P>>)
    : [];
}

/** Replaces the payloads of a key by one. */
export function putPayload<P>(
  state: DottedMap<P>,
  key: string,
  { payload, author }: { payload: P; author: Author },
): DottedMap<P> {
  // Unlike an assignment, this accepts "__proto__" as an ordinary key.
  const entry = Object.fromEntries([[`${author.name}:${author.number}`, payload]]);
  return {
    clock: { ...state.clock, [author.name]: author.number },
    entries: Object.fromEntries([
      ...Object.entries(state.entries).filter(([other]) => other !== key),
      [key, entry],
    ]),
  };
}

/** Removes the payloads of a key. */
export function removeKey<P>({ clock, entries }: DottedMap<P>, key: string): DottedMap<P> {
  return {
    clock,
    entries: Object.fromEntries(Object.entries(entries).filter(([other]) => other !== key)),
  };
}

/** Merges two states: keeps the additions of each side that the other has, or has not seen. */
export function mergeMaps<P>(a: DottedMap<P>, b: DottedMap<P>): DottedMap<P> {
  const clock = new Map(Object.entries(a.clock));
  for (const [name, n] of Object.entries(b.clock))
    clock.set(name, Math.max(n, clock.get(name) ?? 0));
  const entries = new Map<string, Record<string, P>>();
  for (const [mine, theirs] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const [key, dots] of Object.entries(mine.entries)) {
      const kept = Object.entries(dots).filter(
        ([dot]) => hasDot(theirs, key, dot) || !hasSeen(theirs, dot),
      );
      if (kept.length > 0)
        entries.set(key, Object.fromEntries([...Object.entries(entries.get(key) ?? {}), ...kept]));
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
