/** Damage to packed messages and frames. */
import { pack, unpackForeign } from '../../src/base/msgpack.ts';
import type { Dice } from '../../src/sim/world.ts';

/** Values that may stand in place of any field. */
const VALUES: readonly unknown[] = [
  null,
  true,
  '',
  'x'.repeat(2_000),
  '*;;;!!',
  -1,
  0,
  1.5,
  NaN,
  Infinity,
  2 ** 32,
  2 ** 53 - 1,
  [],
  [[[[]]]],
  Array.from({ length: 3_000 }, (_, i) => i),
  new Uint8Array(0),
  new Uint8Array(3_000),
];

/** Replaces, removes or repeats one value somewhere in a tree. */
function mutateTree(dice: Dice, tree: unknown): unknown {
  if (!Array.isArray(tree) || tree.length === 0 || dice.chance(0.2))
    return VALUES[dice.below(VALUES.length)];
  const at = dice.below(tree.length);
  const copy: unknown[] = [...(tree as readonly unknown[])];
  const kind = dice.below(10);
  if (kind === 0) copy.splice(at, 1);
  else if (kind === 1) copy.splice(at, 0, copy[at]);
  else copy[at] = mutateTree(dice, copy[at]);
  return copy;
}

/** Flips, removes or adds bytes. */
export function mutateBytes(dice: Dice, bytes: Uint8Array): Uint8Array {
  const at = dice.below(Math.max(1, bytes.length));
  const kind = dice.below(3);
  if (kind === 0) return bytes.slice(0, at);
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at), bytes]);
  const copy = bytes.slice();
  copy[at] = dice.below(256);
  return copy;
}

/** A packed message with another one of its values, or other bytes. */
export function mutateMessage(dice: Dice, packed: Uint8Array): Uint8Array {
  if (dice.chance(0.3)) return mutateBytes(dice, packed);
  const [code, ...fields] = unpackForeign(packed) as readonly unknown[];
  const mutated = mutateTree(dice, fields);
  return pack(Array.isArray(mutated) ? [code, ...(mutated as unknown[])] : [code, mutated]);
}
