/** Clocks of peers that cannot be true: nothing is taken in from them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLAIM_WAIT_MS, SYNC_LIMITS } from '../../../src/cluster/limits.ts';
import { closeToo, createClaimCheck } from '../../../src/cluster/sync/claims.ts';
import { FalseClockError, pull, type PullContext } from '../../../src/cluster/sync/pull.ts';
import { Questions } from '../../../src/cluster/sync/questions.ts';
import { Sync } from '../../../src/cluster/sync/sync.ts';
import { type SnapshotChecks, takeSnapshot } from '../../../src/cluster/sync/snapshot.ts';
import { makeStatement } from '../../../src/cluster/sync/statement.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import type { Statement } from '../../../src/core/causality/evidence.ts';
import type { Reply } from '../../../src/transport/message.ts';
import { outcomeOf } from '../../fixtures/fake-holders.ts';
import {
  ACTOR,
  completeReplicas,
  type OwnReplicas,
  textsOf,
  write,
} from '../../fixtures/own-replicas.ts';
import { LIFE, SELF } from '../../fixtures/played-peers.ts';

const NONE = new CausalContext();
const REFUSED = 'error clock of a peer refused';

const statementOf = (actor: string, clock: CausalContext, lost = NONE): Statement => ({
  life: LIFE,
  replica: '1.x',
  actor,
  isOwner: true,
  isComplete: true,
  isWhole: true,
  clock,
  lost,
  aside: NONE,
});

interface Bench {
  readonly replicas: OwnReplicas;
  readonly context: PullContext;
  readonly questions: Questions;
}

/** A complete replica with one write, and n2 as the peer that it catches up with. */
async function bench(): Promise<Bench> {
  const replicas = await completeReplicas();
  await write(replicas);
  const { node, store, partitions } = replicas;
  node.heard('n2', 'n3', 'n4', 'n5');
  const { env, members, peers, floors } = node;
  const limits = SYNC_LIMITS;
  const questions = new Questions({ env, store, members, peers, partitions, floors, limits });
  const pair = { replica: replicas.replica(), peer: node.peer('n2') };
  const context: PullContext = {
    self: SELF,
    mayBeTakenForDead: false,
    ...pair,
    limits,
    floors,
    makeStatement: (replica) => makeStatement({ members, life: LIFE }, replica),
    closeToo: (lost) => closeToo({ env, members, peers, questions }, pair, lost),
  };
  return { replicas, context, questions };
}

/** A clock with some writes of an actor, and those of the replica here. */
const clockWith = (actor: string, base: number): CausalContext =>
  CausalContext.ofBase(ACTOR, 1).join(CausalContext.ofBase(actor, base));

const FORGED = { clock: CausalContext.ofBase(ACTOR, 2 ** 50), lost: NONE };
const CLOSING = { clock: clockWith('n2~one', 1), lost: CausalContext.ofBase(ACTOR, 1) };

for (const [what, { clock, lost }] of Object.entries({
  'names writes': FORGED,
  'closes writes': CLOSING,
})) {
  test(`a page is refused whole if its clock ${what} of the own actor`, async () => {
    const { replicas, context } = await bench();
    const pulling = pull(context);
    const asked = await replicas.node.receivedOne();
    const statement = statementOf('n2~one', clock, lost);
    asked.reply({ kind: 'page', statement, items: [], rest: 'none' });
    await assert.rejects(pulling, FalseClockError);
    assert.deepEqual(textsOf(replicas), ['v']);
    assert.ok(replicas.replica().lost.isEmpty);
  });

  test(`a statement does not count if it ${what} of the own actor`, async () => {
    const { replicas, questions } = await bench();
    const { node, partition } = replicas;
    const asking = questions.ask([partition], ['n2']);
    const asked = await node.receivedOne();
    const { life: _, ...said } = statementOf('n2~one', clock, lost);
    const replies = [{ ...said, partition }];
    asked.reply({ kind: 'stated', life: LIFE, members: node.members.hash, replicas: replies });
    const { rounds, isWhole } = await asking;
    assert.deepEqual([rounds.get(partition)?.size, isWhole], [0, false]);
    assert.equal(replicas.partitions.of(partition).evidence.clocks(['n2']), undefined);
    assert.equal(node.log.lines.at(-1), REFUSED);
  });
}

test('a peer that pulls with such a clock gets nothing, and its clock cuts no log', async () => {
  const { replicas } = await bench();
  const { node, store, partitions, partition } = replicas;
  const { env, members, peers, floors } = node;
  const parts = { env, members, peers, floors, store, partitions };
  const sync = new Sync({ ...parts, life: LIFE, writeQuorums: () => [], limits: SYNC_LIMITS });
  for (const { clock, lost } of [FORGED, CLOSING]) {
    const statement = statementOf('n2~one', clock, lost);
    const served = sync.servePull({ kind: 'pull', from: 'n2', partition, statement });
    await assert.rejects(served, { code: 'bad-parameter' });
    assert.equal(node.log.lines.at(-1), REFUSED);
    assert.equal(partitions.of(partition).evidence.clocks(['n2']), undefined);
  }
});

/** Pulls from n2, which closes writes of n3, and answers as n3 if it is asked. */
async function closingOf({
  actor,
  isLost = false,
}: {
  /** The actor of n3 by its own word; undefined if it does not answer. */
  readonly actor?: string;
  /** Whether n3 cannot be reached. */
  readonly isLost?: boolean;
}): Promise<{ readonly pulled: unknown; readonly lost: readonly string[] }> {
  const { replicas, context } = await bench();
  const { node, partition } = replicas;
  if (isLost) node.lost('n3');
  const pulling = pull(context).catch((error: unknown) => error);
  const statement = statementOf('n2~one', NONE, CausalContext.ofBase('n3~one', 4));
  (await node.receivedOne()).reply({ kind: 'page', statement, items: [], rest: 'none' });
  await outcomeOf(pulling);
  for (const { to, request, reply } of await node.received()) {
    assert.deepEqual([to, request.kind], ['n3', 'state']);
    if (actor === undefined) continue;
    const { life: _, ...said } = statementOf(actor, NONE);
    const stated = [{ ...said, partition }];
    reply({ kind: 'stated', life: LIFE, members: node.members.hash, replicas: stated });
  }
  if (actor === undefined) node.clock.advance(CLAIM_WAIT_MS);
  return { pulled: await pulling, lost: [...replicas.replica().lost.actors()] };
}

test('a page is refused whole if it closes writes of an actor that still writes', async () => {
  const { pulled, lost } = await closingOf({ actor: 'n3~one' });
  assert.ok(pulled instanceof FalseClockError, String(pulled));
  assert.match(pulled.message, /closes writes of n3~one, with which n3 still writes/);
  assert.deepEqual(lost, []);
});

test('a page that closes writes of a slow node waits for the answer of that node', async () => {
  const { pulled, lost } = await closingOf({});
  assert.match(String(pulled), /n3 has not confirmed that it no longer writes as n3~one/);
  assert.deepEqual(lost, []);
});

for (const [what, circumstances] of [
  ['has another actor by now', { actor: 'n3~one.2' }],
  ['cannot be reached', { isLost: true }],
] as const) {
  test(`writes are closed with a peer if their node ${what}`, async () => {
    const { pulled, lost } = await closingOf(circumstances);
    assert.ok(!(pulled instanceof Error), String(pulled));
    assert.deepEqual(lost, ['n3~one']);
  });
}

/** The questions to others, if all confirm. */
const CONFIRMED = { isFromOwner: () => true, isConfirmed: async () => true };

/** Takes a snapshot of n2 with this clock, while n3 says that it has made some writes. */
async function snapshotOf(
  clock: CausalContext,
  n3: { readonly actor: string; readonly made: number },
  confirmations: Pick<SnapshotChecks, 'isFromOwner' | 'isConfirmed'> = CONFIRMED,
): Promise<{ readonly taken: unknown; readonly texts: readonly string[] }> {
  const { replicas, context, questions } = await bench();
  const { node, partition } = replicas;
  const whyFalseClaim = createClaimCheck(
    { env: node.env, members: node.members, peers: node.peers, questions },
    context,
  );
  const taking = takeSnapshot(context, { ...confirmations, whyFalseClaim });
  const statement = statementOf('n2~one', clock);
  const page: Reply = {
    kind: 'snapshot-page',
    id: 'i',
    opening: { statement, cut: clock },
    items: [],
    next: undefined,
  };
  (await node.receivedOne()).reply(page);
  await outcomeOf(taking);
  for (const { to, request, reply } of await node.received()) {
    assert.deepEqual([to, request.kind], ['n3', 'state']);
    const { life: _, ...said } = statementOf(n3.actor, CausalContext.ofBase(n3.actor, n3.made));
    const replicasOf = [{ ...said, partition }];
    reply({ kind: 'stated', life: LIFE, members: node.members.hash, replicas: replicasOf });
  }
  const taken = await taking.catch((error: unknown) => error);
  return { taken, texts: textsOf(replicas) };
}

test('a snapshot is refused whole if its clock names writes that another node has never made', async () => {
  const { taken, texts } = await snapshotOf(clockWith('n3~one', 2 ** 50), {
    actor: 'n3~one',
    made: 4,
  });
  assert.ok(taken instanceof FalseClockError, String(taken));
  assert.match(taken.message, /n3~one that n3 has never made/);
  assert.deepEqual(texts, ['v'], 'nothing is removed');
});

test('a snapshot is taken in if the other node has made the writes that its clock names', async () => {
  const { taken, texts } = await snapshotOf(clockWith('n3~one', 4), { actor: 'n3~one', made: 4 });
  assert.ok(!(taken instanceof Error), String(taken));
  assert.deepEqual(texts, [], 'the clock includes the write here, and the sender does not have it');
});

for (const [sender, isFromOwner] of [
  ['an owner', true],
  ['a node that is no owner', false],
] as const) {
  test(`a snapshot of ${sender} ${isFromOwner ? 'removes' : 'does not remove'} a key without a witness`, async () => {
    const confirmations = { isFromOwner: () => isFromOwner, isConfirmed: async () => false };
    const n3 = { actor: 'n3~one', made: 4 };
    const { taken, texts } = await snapshotOf(clockWith('n3~one', 4), n3, confirmations);
    assert.equal(taken instanceof Error, !isFromOwner, String(taken));
    assert.deepEqual(texts, isFromOwner ? [] : ['v']);
  });
}

test('a snapshot is taken in if the other node has another actor by now', async () => {
  const n3 = { actor: 'n3~one.2', made: 0 };
  const { taken } = await snapshotOf(clockWith('n3~one', 4), n3);
  assert.ok(!(taken instanceof Error), String(taken));
});

test('the writes of an earlier life and of the sender itself are not asked for', async () => {
  const asked: unknown[] = [];
  const { replicas, context } = await bench();
  const ask: Questions['ask'] = async (...names) => {
    asked.push(names);
    return { rounds: new Map(), isWhole: false };
  };
  const { env, members, peers } = replicas.node;
  const check = createClaimCheck({ env, members, peers, questions: { ask } }, context);
  for (const actor of ['n2~one', 'n3~before', 'n9~one'])
    assert.equal(await check(statementOf('n2~one', clockWith(actor, 9))), undefined);
  assert.deepEqual(asked, []);
  assert.equal(await check(statementOf('n2~one', clockWith('n3~one', 9))), undefined, 'no answer');
  assert.equal(asked.length, 1);
});

test('a snapshot does not wait long for a node that does not answer', async () => {
  const { replicas, context, questions } = await bench();
  const { env, members, peers, clock } = replicas.node;
  const check = createClaimCheck({ env, members, peers, questions }, context);
  const checking = check(statementOf('n2~one', clockWith('n3~one', 9)));
  assert.equal(await outcomeOf(checking), 'waiting');
  clock.advance(CLAIM_WAIT_MS);
  assert.equal(await outcomeOf(checking), undefined);
});
