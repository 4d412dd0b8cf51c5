/**
 * Actors: the names under which replicas write, `<node name>~<incarnation>`.
 *
 * An actor is born with a history and dies with it. A replica that cannot prove that it continues where an actor
 * stopped (first start, wiped disk, crash, copied directory) draws a new, never-used one; else it would give the
 * same dot to two different writes, and one of them would be lost.
 */
import type { Random } from '../base/env.ts';

const SEPARATOR = '~';
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/** What a node may be called. */
export const NODE_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Draws a name part of 50 random bits, as 10 characters of Crockford's base 32. */
export function drawIncarnation(random: Random): string {
  let text = '';
  for (let i = 0; i < 2; i++) {
    let bits = random.uint32();
    for (let digit = 0; digit < 5; digit++) {
      text += DIGITS[bits & 31] as string;
      bits >>>= 5;
    }
  }
  return text;
}

/** A name that nobody else draws: of a write, a key, a boundary; 100 random bits. */
export const drawName = (random: Random): string => drawIncarnation(random) + drawIncarnation(random);

/** A new actor of a node. */
export function drawActor(nodeName: string, random: Random): string {
  return nodeName + SEPARATOR + drawIncarnation(random);
}

/** The node name of an actor; the whole actor where it has none (seed-era tokens). */
export function nodeOfActor(actor: string): string {
  const end = actor.lastIndexOf(SEPARATOR);
  return end < 0 ? actor : actor.slice(0, end);
}

/** Which actor each node was last heard to write under, in one partition. The node's other actors are dead. */
export class LivingActors {
  readonly #byNode = new Map<string, string>();
  readonly #living = new Set<string>();

  /** A replica has told its actor. */
  heard(actor: string): void {
    if (this.#living.has(actor)) return;
    const node = nodeOfActor(actor);
    this.#living.delete(this.#byNode.get(node) ?? '');
    this.#living.add(actor);
    this.#byNode.set(node, actor);
  }

  /** Whether the actor is known to have been replaced. */
  isDead(actor: string): boolean {
    return !this.#living.has(actor) && this.#byNode.has(nodeOfActor(actor));
  }
}
