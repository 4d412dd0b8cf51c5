/** Dots of a token that the coordinator has not seen, on fake holders that know them or do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { withKnownDots } from '../../../src/cluster/coordinator/unseen-dots.ts';
import type { PutRequest } from '../../../src/cluster/holders/write-request.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import { codeOf, content, FakeCluster, type FakeHolder } from '../../fixtures/fake-holders.ts';

const TIMEOUT_MS = 1_000;

/** A cluster whose node n1 has not seen these dots, and what becomes of a request that has them. */
function start(
  dots: CausalContext,
  change: (cluster: FakeCluster) => void = () => {},
  isUnsigned = false,
): { readonly cluster: FakeCluster; readonly outcome: Promise<PutRequest | MecError> } {
  const cluster = new FakeCluster();
  cluster.own.unseenDots = dots;
  change(cluster);
  const terms = { r: 2, w: 2, timeoutMs: TIMEOUT_MS, isUnsigned };
  const request = { key: 'k', token: dots, body: content('v'), ...terms };
  const outcome = Promise.resolve(withKnownDots(cluster, cluster.place, request));
  return { cluster, outcome: outcome.catch((error: unknown) => error as MecError) };
}

/** Answers the last read of a holder with a context. */
function answer({ id, reads }: FakeHolder, context = new CausalContext()): void {
  const state = { object: { versions: [], context }, actor: `${id}~one`, isComplete: true };
  const { request, answer: give } = reads.pop() ?? assert.fail(`${id} was not asked`);
  assert.equal(request.timeoutMs, TIMEOUT_MS / 4);
  give(state);
}

const fail = ({ reads }: FakeHolder): void =>
  (reads.pop() ?? assert.fail('not asked')).answer(new MecError('timeout'));

/** Lets the steps that need no answer run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The dots of the token that may be stored, or the code of the error. */
async function kept(outcome: Promise<PutRequest | MecError>): Promise<unknown> {
  const known = await outcome;
  return known instanceof MecError ? codeOf(known) : String(known.token);
}

const withFallbacks = ({ reached, n4, n5 }: FakeCluster): void => void reached.push(n4, n5);

const LIVING = CausalContext.ofBase('n2~one', 7);
const DEAD = CausalContext.ofBase('n2~zero', 7);

test('the first holder that knows the dots is enough, and the write has the time that is left', async () => {
  const { cluster, outcome } = start(LIVING, withFallbacks);
  cluster.clock.advance(200);
  answer(cluster.n3, LIVING);
  const known = await outcome;
  assert.ok(!(known instanceof MecError));
  assert.deepEqual([String(known.token), known.timeoutMs], [String(LIVING), TIMEOUT_MS - 200]);
  assert.deepEqual(
    cluster.ended.map(({ operation, failed }) => [operation, failed]),
    [['confirm', undefined]],
  );
  assert.deepEqual(cluster.n4.reads, [], 'no fallback is asked');
});

test('dots that their node never gave are refused, even if another member is silent', async () => {
  const { cluster, outcome } = start(LIVING);
  answer(cluster.n2, CausalContext.ofBase('n2~one', 6));
  fail(cluster.n3);
  assert.equal(await kept(outcome), 'bad-vclock');
});

test('dots that their node never gave are kept if another replica has seen them', async () => {
  const { cluster, outcome } = start(LIVING);
  // The process of n2 was put back to an earlier state.
  answer(cluster.n2, CausalContext.ofBase('n2~one', 6));
  answer(cluster.n3, LIVING);
  assert.equal(await kept(outcome), String(LIVING));
});

test('dots of a dead actor are left out if no member has seen them', async () => {
  const { cluster, outcome } = start(DEAD.clone().join(LIVING), withFallbacks);
  answer(cluster.n2, LIVING);
  answer(cluster.n3);
  await turn();
  for (const fallback of [cluster.n4, cluster.n5]) answer(fallback);
  assert.equal(await kept(outcome), String(LIVING));
});

test('dots are kept if a member that may know them is silent or away', async () => {
  const silent = start(DEAD, (cluster) => (cluster.fallbacks = []));
  answer(silent.cluster.n2);
  fail(silent.cluster.n3);
  assert.equal(await kept(silent.outcome), String(DEAD));
  const away = start(DEAD, (cluster) => {
    cluster.fallbacks = [];
    cluster.reached = [cluster.n2];
  });
  answer(away.cluster.n2);
  assert.equal(await kept(away.outcome), String(DEAD));
});

test('without a signature, only what a member confirms is kept', async () => {
  const phone = CausalContext.ofBase('phone', 7);
  const token = DEAD.clone().join(LIVING).join(CausalContext.ofBase('n3~one', 9)).join(phone);
  for (const isAway of [false, true]) {
    const change = (cluster: FakeCluster): void => {
      cluster.fallbacks = [];
      if (isAway) cluster.reached = [cluster.n2];
    };
    const { cluster, outcome } = start(token.clone(), change, true);
    answer(cluster.n2, LIVING);
    if (!isAway) fail(cluster.n3);
    assert.equal(await kept(outcome), String(LIVING));
  }
});

test('fallbacks are asked if the owners do not know the dots', async () => {
  const { cluster, outcome } = start(DEAD, withFallbacks);
  answer(cluster.n2);
  assert.deepEqual(cluster.n4.reads, []);
  answer(cluster.n3);
  await turn();
  answer(cluster.n4, DEAD);
  assert.equal(await kept(outcome), String(DEAD));
});

test('the node of an actor is asked even if it holds no replica, unless it is gone', async () => {
  const dots = CausalContext.ofBase('n5~one', 7);
  const asked = start(dots, withFallbacks);
  for (const holder of [asked.cluster.n2, asked.cluster.n3, asked.cluster.n5]) answer(holder);
  await turn();
  answer(asked.cluster.n4);
  assert.equal(await kept(asked.outcome), 'bad-vclock');
  const gone = start(dots, (all) => {
    all.gone.add('n5');
    all.fallbacks = [];
  });
  for (const holder of [gone.cluster.n2, gone.cluster.n3]) answer(holder);
  assert.equal(await kept(gone.outcome), '{}', 'the dots are nowhere');
});

test('dots of a node that is no member are kept if they are signed, without a question', async () => {
  const dots = CausalContext.ofBase('phone', 7);
  for (const isUnsigned of [false, true]) {
    const { cluster, outcome } = start(dots, () => {}, isUnsigned);
    assert.deepEqual([cluster.n2.reads, cluster.n3.reads], [[], []]);
    assert.equal(await kept(outcome), isUnsigned ? '{}' : String(dots));
  }
});

test('a node that has no other member to ask keeps the dots', async () => {
  const dots = CausalContext.ofBase('n1~zero', 7);
  const { outcome } = start(dots, (cluster) => {
    cluster.owners = ['n1'];
    cluster.fallbacks = [];
  });
  assert.equal(await kept(outcome), String(dots));
});
