/**
 * What clients do, each kind with the record of what it was told, and with its own verdict on what
 * it finds in the end.
 */
import type { Dice } from '../../src/sim/world.ts';
import type { Door } from './door.ts';

/** How much is looked at. */
export interface Scope {
  /** Everything, or what is new and a sample. */
  readonly isFinal: boolean;
  readonly dice: Dice;
}

/** One kind of use. */
export interface Workload {
  readonly name: string;
  /** Does one thing at a node. */
  act(door: Door, dice: Dice): Promise<void>;
  /** Says what is wrong with what a node answers while all is at rest; one line each. */
  judge(door: Door, scope: Scope): Promise<string[]>;
  /** The keys that it has written. */
  keys(): readonly string[];
  /** How much it did, and what is wrong with what clients were told on the way. */
  report(): { readonly did: Readonly<Record<string, number>>; readonly wrong: readonly string[] };
}

const LANES = 16;
const TRIES = 4;

/** Reads keys at a node at rest, many at a time, and says what `judge` says of the values of each. */
export async function judgeKeys(
  door: Door,
  keys: readonly string[],
  judge: (key: string, values: readonly string[]) => readonly string[],
): Promise<string[]> {
  const wrong: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
      let look = await door.read(key);
      // A loaded machine may be late once; a node that is well answers.
      for (let i = 1; look === undefined && i < TRIES; i++) look = await door.read(key);
      if (look === undefined) wrong.push(`${key} cannot be read at ${door.node.name}`);
      else for (const line of judge(key, look.values)) wrong.push(`${key} at ${door.node.name}: ${line}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return wrong;
}

/** `count` of a list, drawn; the whole list if it has no more. */
export function sample<T>(list: readonly T[], count: number, dice: Dice): T[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, () => dice.pick(list));
}
