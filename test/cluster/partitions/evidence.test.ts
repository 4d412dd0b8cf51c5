/**
 * Evidence: the statements of other members that a node keeps, and how long each of them counts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Members } from '../../../src/cluster/membership/members.ts';
import { Evidence, type EvidenceParts } from '../../../src/cluster/partitions/evidence.ts';
import { CurrentActors } from '../../../src/core/causality/actor.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import type { RememberedWrite } from '../../../src/core/quorum/decision.ts';
import type { Statement } from '../../../src/core/causality/evidence.ts';
import type { MemberRecord } from '../../../src/core/placement/member-list.ts';

const place = { host: 'h', port: 7000, httpport: 3000, zone: undefined, weight: 1 };
const quorum = { n: 3, r: 'quorum', w: 'quorum', timeoutMs: 1_000 } as const;
const recordOf = (name: string, life: string, version = 1): MemberRecord => {
  return { name, ...place, state: 'up', generation: 1, life, version, settled: 0 };
};

const statement: Statement = {
  life: 'one',
  replica: 'theirs',
  actor: 'b~one.2',
  isOwner: true,
  isComplete: true,
  isWhole: true,
  clock: CausalContext.ofBase('a~x', 3),
  lost: new CausalContext(),
  aside: new CausalContext(),
};

const PARTITION = 3;
const NONE: EvidenceParts['store'] = { find: () => undefined };

function heard(store: EvidenceParts['store'] = NONE): {
  evidence: Evidence;
  members: Members;
  currentActors: CurrentActors;
} {
  const members = new Members({ name: 'a', ...place, quorum }, [recordOf('b', 'one')], 'own');
  const currentActors = new CurrentActors((name) => members.lifeOf(name));
  const evidence = new Evidence(PARTITION, { members, store }, currentActors);
  evidence.noteStatement('mine', 'b', statement);
  return { evidence, members, currentActors };
}

test('a statement counts for the replica that asked, and not for its successor', () => {
  const { evidence } = heard();
  assert.equal(evidence.statement('mine', 'b'), statement);
  assert.equal(evidence.statement('successor', 'b'), undefined);
});

test('memories in a statement reach the replica that asked, and not its successor', () => {
  const memory: RememberedWrite = {
    key: 'k',
    idempotencyKey: 'i',
    actor: 'b~one',
    counter: 1,
    digest: 'f',
    madeMicros: 1,
  };
  for (const [id, count] of [
    ['mine', 1],
    ['successor', 0],
  ] as const) {
    const learnt: RememberedWrite[] = [];
    const replica = {
      id,
      learn: (memories: readonly RememberedWrite[]) => void learnt.push(...memories),
    };
    const { evidence } = heard({ find: () => replica });
    evidence.noteStatement('mine', 'b', { ...statement, memories: [memory] });
    assert.equal(learnt.length, count, id);
  }
});

test('a statement counts until its node begins another life', () => {
  const { evidence, members } = heard();
  members.merge(recordOf('b', 'two', 2));
  assert.equal(evidence.statement('mine', 'b'), undefined);
  assert.equal(evidence.clocks(['b'])?.length, 1, 'a log may still be cut by it');
});

test('the actor in a statement ends the earlier ones of its replica', () => {
  const { currentActors } = heard();
  assert.deepEqual([currentActors.isDead('b~one'), currentActors.isDead('b~one.2')], [true, false]);
});

test('a clock without a statement counts for no replica', () => {
  const { evidence } = heard();
  evidence.noteClock('c', { clock: statement.clock });
  assert.equal(evidence.statement('mine', 'c'), undefined);
  assert.equal(evidence.clocks(['b', 'c'])?.length, 2);
  assert.equal(evidence.clocks(['b', 'd']), undefined, 'd has sent none');
});

test('the clock of a member that cannot read all of its keys is not kept', () => {
  const { evidence } = heard();
  evidence.noteClock('c', { clock: statement.clock, isWhole: false });
  assert.equal(evidence.clocks(['c']), undefined);
});

test('after a change of the holders, nothing that members have sent counts', () => {
  const { evidence } = heard();
  evidence.forget();
  assert.equal(evidence.clocks(['b']), undefined);
  assert.equal(evidence.statement('mine', 'b'), undefined);
});
