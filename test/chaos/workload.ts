/**
 * The workloads of clients. Each kind records its answers, and has its own verdict on the final
 * data.
 */
import type { Dice } from '../../src/sim/world.ts';
import type { NodeClient } from './node-client.ts';

/** The extent of a check. */
export interface Scope {
  /** Everything, or new data with a sample. */
  readonly isFinal: boolean;
  readonly dice: Dice;
}

/** One kind of use. */
export interface Workload {
  readonly name: string;
  /** Makes one request at a node. */
  act(client: NodeClient, dice: Dice): Promise<void>;
  /** The violations in the answers of a node at rest, one line each. */
  judge(client: NodeClient, scope: Scope): Promise<string[]>;
  /** The keys that it has written. */
  keys(): readonly string[];
  /** The number of its actions, and the violations in the answers so far. */
  report(): { readonly did: Readonly<Record<string, number>>; readonly wrong: readonly string[] };
}

const LANES = 16;
const TRIES = 4;

/**
 * Reads keys at a node at rest, many at a time, and returns the results of `judge` on the values of
 * each.
 */
export async function judgeKeys(
  client: NodeClient,
  keys: readonly string[],
  judge: (key: string, values: readonly string[]) => readonly string[],
): Promise<string[]> {
  const wrong: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
      let look = await client.read(key);
      // A busy machine may be late once. A healthy node answers the retry.
      for (let i = 1; look === undefined && i < TRIES; i++) look = await client.read(key);
      if (look === undefined) wrong.push(`${key} cannot be read at ${client.node.name}`);
      else
        for (const line of judge(key, look.values))
          wrong.push(`${key} at ${client.node.name}: ${line}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return wrong;
}

/** `count` random items of a list; the whole list if it has no more. */
export function sample<T>(list: readonly T[], count: number, dice: Dice): T[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, () => dice.pick(list));
}
