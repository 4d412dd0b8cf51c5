/** One node's share of a listing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KnownPartition } from '../../../src/cluster/holders/holder.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import { packContent } from '../../../src/core/value/content.ts';
import {
  completeReplicas,
  damagedReplicas,
  type OwnReplicas,
  write,
} from '../../fixtures/own-replicas.ts';

/** The partitions, with the owners that the node itself knows. */
const known = (
  { node: { members } }: OwnReplicas,
  ...partitions: readonly number[]
): KnownPartition[] =>
  partitions.map((partition) => ({ partition, ownersHash: members.view(partition).hash }));

const listed = { prefix: '', after: undefined, limit: 10 };

/** A complete replica with the keys `a`, `b` and `c` of one group. */
async function keysBench(): Promise<OwnReplicas & { readonly keys: readonly string[] }> {
  const node = await completeReplicas();
  const keys = ['a', 'b', 'c'].map((name) => `{${node.key}}${name}`);
  for (const key of keys) await write({ ...node, key });
  return { ...node, keys };
}

test('a listing has the keys of a replica in order, with a tag for the versions of each', async () => {
  const node = await keysBench();
  const asked = { ...listed, partitions: known(node, node.partition) };
  const { tags, ...found } = await node.holder.list(asked);
  assert.deepEqual(found, { keys: node.keys, until: undefined, incomplete: [], otherOwners: [] });
  await write({ ...node, key: node.keys[1] ?? '' });
  const again = await node.holder.list(asked);
  assert.deepEqual(
    again.tags.map((tag, i) => tag === tags[i]),
    [true, false, true],
  );
});

test('a listing has the sizes of keys on request', async () => {
  const node = await keysBench();
  const text = { contentType: 'text/plain', timestampMicros: 1 };
  const body = packContent({ ...text, value: new Uint8Array(100) });
  await write({ ...node, key: node.keys[1] ?? '' }, { body });
  const asked = { ...listed, partitions: known(node, node.partition), sizes: true };
  const { values, bytes } = await node.holder.list(asked);
  const one = bytes?.[0] ?? assert.fail('no sizes');
  assert.deepEqual(
    [values, bytes],
    [
      [1, 2, 1],
      [one, one + 100, one],
    ],
  );
});

test('a listing leaves out a key whose versions have all expired', async () => {
  const node = await completeReplicas();
  const text = { value: Buffer.from('v'), contentType: 'text/plain', timestampMicros: 1 };
  await write(node, { body: packContent({ ...text, expiresMicros: 50 }) });
  const { keys } = await node.holder.list({ ...listed, partitions: known(node, node.partition) });
  assert.deepEqual(keys, []);
});

test('a listing names the partitions that lack data or have a damaged key', async () => {
  const node = await damagedReplicas();
  const other = node.node.keyWith((_, at) => at !== node.partition);
  const partitions = [node.partition, partitionOf(other)];
  await write({ ...node, key: other, partition: partitionOf(other) });
  assert.throws(() => node.replica().readWhole(node.key), { code: 'damaged' });
  const { keys, incomplete } = await node.holder.list({
    ...listed,
    partitions: known(node, ...partitions),
  });
  assert.deepEqual([keys, incomplete], [[], partitions]);
});

test('a listing names the partitions of which the asker knows other owners', async () => {
  const node = await keysBench();
  const [asked] = known(node, node.partition);
  const ownersHash = (asked?.ownersHash ?? 0) ^ 1;
  const partitions = [{ partition: node.partition, ownersHash }];
  const { keys, otherOwners } = await node.holder.list({ ...listed, partitions });
  assert.deepEqual([keys, otherOwners], [[], [node.partition]]);
});

test('a listing with a prefix has the keys that begin with it', async () => {
  const node = await keysBench();
  const { holder, partition, keys } = node;
  const asked = { ...listed, partitions: known(node, partition), prefix: keys[1] ?? '' };
  assert.deepEqual((await holder.list(asked)).keys, [keys[1]]);
});

test('a listing with as many keys of a replica as asked for says how far it reaches', async () => {
  const node = await keysBench();
  const { holder, partition, keys } = node;
  const asked = { ...listed, partitions: known(node, partition), after: keys[0], limit: 1 };
  const { tags, ...found } = await holder.list(asked);
  assert.deepEqual(found, { keys: [keys[1]], until: keys[1], incomplete: [], otherOwners: [] });
  assert.equal(tags.length, 1);
});

test('a listing of two replicas that have more keys than asked for ends with the last', async () => {
  const node = await keysBench();
  const { keys } = node;
  const other = node.node.keyWith((_, at) => at !== node.partition);
  node.store.of(partitionOf(other)).markComplete(true);
  await write({ ...node, key: other, partition: partitionOf(other) });
  const partitions = known(node, node.partition, partitionOf(other));
  const { tags, ...found } = await node.holder.list({ ...listed, partitions, limit: 2 });
  const expected = [...keys, other].sort().slice(0, 2);
  assert.deepEqual(found, { keys: expected, until: expected[1], incomplete: [], otherOwners: [] });
  assert.equal(tags.length, 2);
});
