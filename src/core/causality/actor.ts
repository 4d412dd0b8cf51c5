/**
 * Actors: the names under which replicas write, `<node name>~<life>`, with `.2`, `.3` … behind it if a
 * replica begins again within one life.
 *
 * An actor is born with a history and dies with it. Every start of a process is a new life, so no start
 * has to prove that its disk is as the last one left it. A volume that was rolled back would otherwise
 * give one dot to two writes, and one of them would be lost.
 */
import type { Random } from '../../base/env.ts';

const SEPARATOR = '~';
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/** What a node may be called. */
export const NODE_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Draws a name part of 50 random bits, as 10 characters of Crockford's base 32. */
export function drawShortName(random: Random): string {
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
export const drawName = (random: Random): string => drawShortName(random) + drawShortName(random);

/** The node name of an actor; the whole actor if it has none (seed-era tokens). */
export function nodeOfActor(actor: string): string {
  const end = actor.lastIndexOf(SEPARATOR);
  return end < 0 ? actor : actor.slice(0, end);
}

interface ActorName {
  readonly node: string;
  readonly life: string;
  /** Counts the replicas that wrote to one partition in one life, from 1. */
  readonly number: number;
}

function parseActor(actor: string): ActorName {
  const node = nodeOfActor(actor);
  const [life = '', number] = actor.slice(node.length + 1).split('.');
  return { node, life, number: number === undefined ? 1 : Number(number) };
}

/** The life of an actor's node; empty if the actor names none. */
export const lifeOfActor = (actor: string): string => parseActor(actor).life;

/** The actors of one life of a node: a replica that begins again in it writes under another name. */
export class OwnActors {
  readonly #name: string;
  readonly #used = new Map<number, number>();

  constructor(nodeName: string, life: string) {
    this.#name = nodeName + SEPARATOR + life;
  }

  /** The first actor of a partition that has not written in this life. */
  next(partition: number): string {
    const used = this.#used.get(partition) ?? 0;
    return used === 0 ? this.#name : `${this.#name}.${used + 1}`;
  }

  /** The actor that `next` names writes: a later replica gets another. */
  use(partition: number): void {
    this.#used.set(partition, (this.#used.get(partition) ?? 0) + 1);
  }
}

/** Which actors of one partition can still write, by the member records and by what replicas say. */
export class CurrentActors {
  readonly #lifeOf: (node: string) => string | undefined;
  /** The actor that each node named last, of its present life. */
  readonly #named = new Map<string, ActorName>();

  /** `lifeOf`: the present life of a node; undefined if the node is no member, or gone. */
  constructor(lifeOf: (node: string) => string | undefined) {
    this.#lifeOf = lifeOf;
  }

  /** A replica names the actor under which it writes, or would write. */
  observe(actor: string): void {
    const name = parseActor(actor);
    const known = this.#named.get(name.node);
    if (name.life !== this.#lifeOf(name.node)) return;
    if (known?.life === name.life && known.number >= name.number) return;
    this.#named.set(name.node, name);
  }

  /** Whether the actor never writes again: its life is over, or its replica has begun anew. */
  isDead(actor: string): boolean {
    const { node, life, number } = parseActor(actor);
    if (this.#lifeOf(node) !== life) return true;
    const named = this.#named.get(node);
    return named?.life === life && number < named.number;
  }
}
