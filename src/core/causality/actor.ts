/**
 * Actors: the names under which replicas write. An actor is `<node>~<life>`, followed by `.2`, `.3`
 * … if the replica begins again within one life of the node.
 *
 * Every start of a process is a new life, and so a new actor. A node therefore need not prove that
 * its disk is still as the last process left it. If a volume was rolled back, the old actor would
 * give one dot to two writes, and one of them would be lost.
 */
import type { Random } from '../../base/env.ts';

const SEPARATOR = '~';
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/** The names that a node may have. */
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

/** Draws a unique name of 100 random bits, for a write, a key or a multipart boundary. */
export const drawName = (random: Random): string => drawShortName(random) + drawShortName(random);

/**
 * The node name of an actor. Returns the whole actor if it has no life, as in tokens of the first
 * MecDB.
 */
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

/** Parsed actors. Each message names some, and they are mostly the same few. */
const PARSED = new Map<string, ActorName>();
const MAX_PARSED = 1024;

function parseActor(actor: string): ActorName {
  const known = PARSED.get(actor);
  if (known !== undefined) return known;
  const parsed = parse(actor);
  if (PARSED.size >= MAX_PARSED) PARSED.clear();
  PARSED.set(actor, parsed);
  return parsed;
}

function parse(actor: string): ActorName {
  const node = nodeOfActor(actor);
  const rest = actor.slice(node.length + 1);
  // Most actors have no number, and `split` takes three times as long as all the rest.
  if (!rest.includes('.')) return { node, life: rest, number: 1 };
  const [life = '', number] = rest.split('.');
  return { node, life, number: Number(number) };
}

/** The life in an actor's name; empty if there is none. */
export const lifeOfActor = (actor: string): string => parseActor(actor).life;

/** Whether an actor is the present one of a replica, or one that could follow in the same life. */
export function isNotBefore(actor: string, present: string): boolean {
  const { node, life, number } = parseActor(actor);
  const now = parseActor(present);
  // A number that is none is no earlier one.
  return node === now.node && life === now.life && !(number < now.number);
}

/**
 * The actors of one life of this node. A replica that begins again within the life gets another
 * actor.
 */
export class OwnActors {
  readonly #name: string;
  readonly #used = new Map<number, number>();

  constructor(nodeName: string, life: string) {
    this.#name = nodeName + SEPARATOR + life;
  }

  /** The first actor of this life that has not written to the partition. */
  next(partition: number): string {
    const used = this.#used.get(partition) ?? 0;
    return used === 0 ? this.#name : `${this.#name}.${used + 1}`;
  }

  /** Marks the actor that `next` returns as used. A later replica of the partition gets another. */
  use(partition: number): void {
    this.#used.set(partition, (this.#used.get(partition) ?? 0) + 1);
  }
}

/**
 * The actors of one partition that can still write, by member records and by what replicas report.
 */
export class CurrentActors {
  readonly #lifeOf: (node: string) => string | undefined;
  /** The latest actor that each node has reported in its present life. */
  readonly #named = new Map<string, ActorName>();

  /**
   * `lifeOf` returns the present life of a node, or undefined if the node is not a member or is
   * gone.
   */
  constructor(lifeOf: (node: string) => string | undefined) {
    this.#lifeOf = lifeOf;
  }

  /** Records the actor that a replica reports as its own. */
  observe(actor: string): void {
    const name = parseActor(actor);
    const known = this.#named.get(name.node);
    if (name.life !== this.#lifeOf(name.node)) return;
    if (known?.life === name.life && known.number >= name.number) return;
    this.#named.set(name.node, name);
  }

  /** Whether the actor will never write again: its life is over, or its replica has begun again. */
  isDead(actor: string): boolean {
    const { node, life, number } = parseActor(actor);
    if (this.#lifeOf(node) !== life) return true;
    const named = this.#named.get(node);
    return named?.life === life && number < named.number;
  }
}
