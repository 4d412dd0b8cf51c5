/** The names of a node's replicas: unique, and ordered within one life of the node. */
import type { Random } from '../../base/env.ts';
import { drawShortName } from './actor.ts';

/** Names the replicas of one life of a node: `<number>.<random>`, with the number in base 36. */
export class ReplicaNames {
  readonly #random: Random;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): string {
    this.#count += 1;
    return `${this.#count.toString(36)}.${drawShortName(this.#random)}`;
  }
}

/** The number of a replica in the life of its node. */
export const replicaNumber = (name: string): number => Number.parseInt(name, 36);
