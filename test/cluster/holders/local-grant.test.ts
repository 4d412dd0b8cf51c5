/** Keys that this node grants to conditional writes, and the stores that bring their numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { GRANT_MS } from '../../../src/cluster/limits.ts';
import type { StoreResult } from '../../../src/cluster/holders/holder.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import { partitionOf } from '../../../src/core/placement/partition.ts';
import { codeOf, objectOf } from '../../fixtures/fake-holders.ts';
import {
  ACTOR,
  answerTo,
  askedOf,
  completeReplicas,
  damagedReplicas,
  FAILED,
  itemOf,
  numberOf,
  openReplicas,
  type OwnReplicas,
  ownWrite,
  textsOf,
  valueOf,
  write,
} from '../../fixtures/own-replicas.ts';
import { LIFE, memberIn, SELF } from '../../fixtures/played-peers.ts';

test('a key with a damaged record is granted to no write', async () => {
  const node = await damagedReplicas();
  const { now } = answerTo((done) => node.holder.grant(askedOf(node), done));
  assert.equal(codeOf(now()), 'damaged');
});

test('a store that brings a current number is stored once', async () => {
  const node = await completeReplicas();
  const grant = await numberOf(node);
  assert.equal(
    (await valueOf<StoreResult>((done) => node.holder.store(itemOf(node), { grant }, done))).life,
    LIFE,
  );
  const { now } = answerTo((done) => node.holder.store(itemOf(node), { grant }, done));
  assert.equal(codeOf(now()), 'contended');
});

test('a store that brings an ended number changes nothing', async () => {
  const node = await completeReplicas();
  const grant = await numberOf(node);
  node.node.clock.advance(GRANT_MS);
  await numberOf(node, 'ballot 2');
  const { now } = answerTo((done) => node.holder.store(itemOf(node), { grant }, done));
  assert.equal(codeOf(now()), 'contended');
  assert.deepEqual(textsOf(node), []);
});

/** The events that end the ground of a number after its store has begun. */
const GROUND_ENDS: Readonly<Record<string, (bench: OwnReplicas) => void>> = {
  'a fence was made': ({ grants, partition }) => grants.endAll(partition),
  'the owners have changed': ({ node, partition }) => {
    for (const name of node.members.owners(partition)) if (name !== SELF) node.members.remove(name);
  },
};

for (const [name, end] of Object.entries(GROUND_ENDS)) {
  test(`a store with a number answers \`incomplete\` if ${name} before it is durable`, async () => {
    const node = await completeReplicas();
    const grant = await numberOf(node);
    node.platter.hold();
    const { now } = answerTo((done) => node.holder.store(itemOf(node), { grant }, done));
    end(node);
    await node.platter.release();
    assert.equal(codeOf(now()), 'incomplete');
  });
}

test('a store without a number does not depend on that ground', async () => {
  const node = await completeReplicas();
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.store(itemOf(node), {}, done));
  GROUND_ENDS['a fence was made']?.(node);
  await node.platter.release();
  assert.equal((now() as { life: string }).life, LIFE);
});

test('a store with a number answers the error of the disk if that fails', async () => {
  const node = await completeReplicas();
  const grant = await numberOf(node);
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.store(itemOf(node), { grant }, done));
  await node.platter.release(FAILED);
  assert.equal(codeOf(now()), 'disk-failed');
});

test('a store with a number answers an error if the store is given up meanwhile', async () => {
  const node = await completeReplicas();
  const grant = await numberOf(node);
  node.platter.hold();
  const { now } = answerTo((done) => node.holder.store(itemOf(node), { grant }, done));
  node.store.handleDamage(new MecError('damaged'));
  await node.platter.release(FAILED);
  assert.equal(codeOf(now()), 'disk-failed');
});

test('a grant has a number, and the state of the key in the same turn', async () => {
  const node = await completeReplicas();
  node.platter.hold();
  node.holder.write(ownWrite(node), () => {});
  const granted = await valueOf((done) => node.holder.grant(askedOf(node), done));
  const object = node.replica().read(node.key);
  assert.deepEqual(granted, { number: `${LIFE}/1`, actor: ACTOR, object, remembered: undefined });
  assert.equal(object.versions.length, 1, 'the write that waits for the disk');
});

test('a key that another ballot has is `contended`, until that ballot releases it', async () => {
  const node = await completeReplicas();
  await numberOf(node);
  const asked = askedOf(node, { ballot: 'ballot 2' });
  const refused = answerTo((done) => node.holder.grant(asked, done));
  assert.equal(codeOf(refused.now()), 'contended');
  node.holder.release({ ...node, ballot: 'ballot 2' });
  const again = answerTo((done) => node.holder.grant(asked, done));
  assert.equal(codeOf(again.now()), 'contended', 'a ballot that does not have the key');
  node.holder.release({ ...node, ballot: 'ballot 1' });
  assert.equal(await numberOf(node, 'ballot 2'), `${LIFE}/2`);
});

test('a coordinator that knows other owners gets no grant', async () => {
  const node = await completeReplicas();
  const { now } = answerTo((done) => node.holder.grant(askedOf(node, { view: 'other' }), done));
  assert.equal(codeOf(now()), 'contended');
});

test('an owner that is not complete grants nothing', async () => {
  const node = await openReplicas();
  const { now } = answerTo((done) => node.holder.grant(askedOf(node), done));
  assert.equal(codeOf(now()), 'incomplete');
});

test('a node that is no holder grants nothing, even if its replica is complete', async () => {
  const node = await openReplicas();
  const key = node.node.keyWith((_, partition) => !node.node.members.holds(partition));
  const partition = partitionOf(key);
  node.store.of(partition).markComplete(true);
  const other = { ...node, key, partition };
  const { now } = answerTo((done) => node.holder.grant(askedOf(other), done));
  assert.equal(codeOf(now()), 'incomplete');
});

test('a pending owner grants a key although it is not complete', async () => {
  const up = ['n2', 'n3', 'n4', 'n5'].map((name) => memberIn('up', name));
  const node = await openReplicas({ kept: [...up, memberIn('joining', SELF)] });
  assert.deepEqual(node.node.members.pendingOwners(node.partition), [SELF]);
  assert.equal(await numberOf(node), `${LIFE}/1`);
});

test('a grant waits, after a start, until the replica is confirmed', async () => {
  const { platter, store } = await completeReplicas();
  await store.close();
  const node = await openReplicas({ platter });
  const { now } = answerTo((done) => node.holder.grant(askedOf(node), done));
  assert.equal(now(), undefined);
  node.partitions.of(node.partition).confirm();
  assert.equal((now() as { number: string }).number, `${LIFE}/1`);
});

test('a ballot that was released before its grant does not keep the key', async () => {
  const { platter, store } = await completeReplicas();
  await store.close();
  const node = await openReplicas({ platter });
  node.holder.grant(askedOf(node), () => {});
  node.holder.release({ ...node, ballot: 'ballot 1' });
  const { now } = answerTo((done) =>
    node.holder.grant(askedOf(node, { ballot: 'ballot 2' }), done),
  );
  node.partitions.of(node.partition).confirm();
  assert.equal((now() as { number: string }).number, `${LIFE}/2`);
});

test('a grant reports an earlier write with the same idempotency key', async () => {
  const node = await completeReplicas();
  const { key } = node;
  const memory = { key, idempotencyKey: 'once', digest: 'd', madeMicros: 1 };
  const { dot } = await write(node, { memory });
  for (const [idempotencyKey, made] of [
    ['once', { ...memory, ...dot }],
    ['other', undefined],
    [undefined, undefined],
  ] as const) {
    const asked = askedOf(node, { idempotencyKey });
    const { remembered } = await valueOf<{ remembered: unknown }>((done) =>
      node.holder.grant(asked, done),
    );
    assert.deepEqual(remembered, made);
    node.holder.release({ ...node, ballot: 'ballot 1' });
  }
});

test('a grant reports no earlier write whose dot is closed', async () => {
  const node = await completeReplicas();
  const { key } = node;
  const made = { actor: 'n2~one', counter: 1 };
  const memory = { key, idempotencyKey: 'once', digest: 'd', madeMicros: 1, ...made };
  // A later write has replaced it. Otherwise the key would be in doubt, and not be granted.
  const later = { ...made, counter: 2 };
  const item = { ...itemOf(node), object: objectOf([later]), dots: [made, later], memory };
  await valueOf((done) => node.holder.store(item, {}, done));
  const asked = askedOf(node, { idempotencyKey: 'once' });
  const isReported = async (): Promise<boolean> => {
    const granted = await valueOf<{ remembered: unknown }>((done) =>
      node.holder.grant(asked, done),
    );
    node.holder.release({ ...node, ballot: 'ballot 1' });
    return granted.remembered !== undefined;
  };
  assert.equal(await isReported(), true);
  await node.replica().closedDots.close(CausalContext.ofDots([made]));
  assert.equal(await isReported(), false);
});

test('an incomplete replica reports no earlier write: it may lack a later one', async () => {
  const up = ['n2', 'n3', 'n4', 'n5'].map((name) => memberIn('up', name));
  const node = await openReplicas({ kept: [...up, memberIn('joining', SELF)] });
  const memory = { key: node.key, idempotencyKey: 'once', digest: 'd', madeMicros: 1 };
  await write(node, { memory });
  const asked = askedOf(node, { idempotencyKey: 'once' });
  const granted = await valueOf<{ remembered: unknown }>((done) => node.holder.grant(asked, done));
  assert.equal(granted.remembered, undefined);
});
