/** A forwarded write on fake owners: the owner that gets it, its time, and the errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../../src/base/errors.ts';
import { forward, isUntouched } from '../../../src/cluster/coordinator/forward.ts';
import type { OnAnswer } from '../../../src/cluster/holders/holder.ts';
import type { RemoteCoordinator } from '../../../src/cluster/holders/remote-coordinator.ts';
import type { PutRequest, PutResult } from '../../../src/cluster/holders/write-request.ts';
import { FORWARD_PROBE_SHARE } from '../../../src/cluster/limits.ts';
import { ManualClock } from '../../fixtures/fake-env.ts';
import { codeOf, content, objectOf, outcomeOf, placeOf } from '../../fixtures/fake-holders.ts';

const TIMEOUT_MS = 1_000;
const DOT = { actor: 'n2~one', counter: 1 };
const RESULT: PutResult = {
  dot: DOT,
  token: objectOf([DOT]).context,
  versions: [DOT],
  found: true,
  isRepeated: false,
};
const PUT: PutRequest = {
  key: 'k',
  token: undefined,
  body: content('v'),
  r: 2,
  w: 2,
  timeoutMs: TIMEOUT_MS,
};

/** An owner that answers probes and the write when the test says so. */
class FakeOwner {
  /** Whether its process and its clock are known. */
  isKnown = true;
  readonly pings: { readonly timeoutMs: number; readonly answer: (isThere: boolean) => void }[] =
    [];
  readonly writes: { readonly request: PutRequest; readonly answer: OnAnswer<PutResult> }[] = [];

  ping(timeoutMs: number, answer: (isThere: boolean) => void): void {
    this.pings.push({ timeoutMs, answer });
  }

  forward(request: PutRequest, answer: OnAnswer<PutResult>): void {
    this.writes.push({ request, answer });
  }

  /** Answers the last probe. */
  pong(isThere = true): void {
    this.pings[this.pings.length - 1]?.answer(isThere);
  }
}

interface Bench {
  readonly clock: ManualClock;
  readonly first: FakeOwner;
  readonly second: FakeOwner;
  readonly writing: Promise<PutResult>;
}

/** Forwards a write to a key with two owners that can be reached. */
function start(owners = [new FakeOwner(), new FakeOwner()]): Bench {
  const clock = new ManualClock();
  const holders = { coordinators: () => owners as unknown as RemoteCoordinator[] };
  const place = placeOf(['n2', 'n3']);
  const writing = forward({ env: { clock }, holders }, place, PUT);
  const [first = new FakeOwner(), second = new FakeOwner()] = owners;
  return { clock, first, second, writing };
}

/** Lets the owner that was probed get the write. */
const turn = (): Promise<unknown> => outcomeOf(Promise.resolve());

test('all owners are probed at once, for their share of the time', () => {
  const { first, second } = start();
  for (const { pings } of [first, second])
    assert.deepEqual(
      pings.map(({ timeoutMs }) => timeoutMs),
      [TIMEOUT_MS * FORWARD_PROBE_SHARE],
    );
});

test('the probe of the next owner has a share of the time that is left', async () => {
  const { clock, first, second } = start();
  first.pong();
  await turn();
  clock.advance(600);
  first.writes[0]?.answer(new MecError('overloaded'));
  await turn();
  assert.deepEqual(
    second.pings.map(({ timeoutMs }) => timeoutMs),
    [1_000, 400].map((leftMs) => leftMs * FORWARD_PROBE_SHARE),
  );
});

test('the first owner to answer its probe gets the write, and the others do not', async () => {
  const { first, second, writing } = start();
  second.pong();
  await turn();
  first.pong();
  await turn();
  assert.deepEqual([first.writes.length, second.writes.length], [0, 1]);
  second.writes[0]?.answer(RESULT);
  assert.equal(await writing, RESULT);
});

test('the owner has the time that the probe has left', async () => {
  const { clock, first } = start();
  clock.advance(300);
  first.pong();
  await turn();
  const [write] = first.writes;
  assert.deepEqual(write?.request, { ...PUT, timeoutMs: TIMEOUT_MS - 300 });
});

test('an owner that answers when the time is over gets nothing', async () => {
  const { clock, first, writing } = start();
  clock.advance(TIMEOUT_MS);
  first.pong();
  assert.equal(codeOf(await outcomeOf(writing)), 'quorum-not-met');
  assert.equal(first.writes.length, 0);
});

test('without an owner that can be reached, nothing is written', async () => {
  const outcome = await outcomeOf(start([]).writing);
  assert.ok(outcome instanceof MecError);
  assert.deepEqual(
    [outcome.code, outcome.details.have, outcome.details.need],
    ['quorum-not-met', 0, 2],
  );
  assert.match(outcome.message, /Nothing was written/);
});

test('without an owner that answers its probe, nothing is written', async () => {
  const { first, second, writing } = start();
  first.pong(false);
  assert.equal(await outcomeOf(writing), 'waiting');
  second.pong(false);
  assert.equal(codeOf(await outcomeOf(writing)), 'quorum-not-met');
});

test('an owner whose process is not known gets nothing', async () => {
  const { first, writing } = start();
  first.isKnown = false;
  first.pong();
  assert.equal(codeOf(await outcomeOf(writing)), 'quorum-not-met');
  assert.equal(first.writes.length, 0);
});

/** The errors after which an owner has taken nothing. */
const UNTOUCHED = [
  'disk-failed',
  'disk-full',
  'stopping',
  'not-ready',
  'overloaded',
  'unreachable',
] as const;

for (const code of [...UNTOUCHED, 'incomplete', 'damaged'] as const) {
  test(`after \`${code}\` of an owner, the others are probed, and one of them gets the write`, async () => {
    const { clock, first, second, writing } = start();
    first.pong();
    await turn();
    clock.advance(100);
    first.writes[0]?.answer(new MecError(code));
    await turn();
    assert.deepEqual([first.pings.length, second.pings.length], [1, 2]);
    second.pong();
    await turn();
    assert.equal(second.writes[0]?.request.timeoutMs, TIMEOUT_MS - 100);
    second.writes[0]?.answer(RESULT);
    assert.equal(await writing, RESULT);
  });
}

test('the error of the last owner is that of the write', async () => {
  const { first, second, writing } = start();
  for (const owner of [first, second]) {
    owner.pong();
    await turn();
    owner.writes[0]?.answer(new MecError('overloaded'));
    await turn();
  }
  assert.equal(codeOf(await outcomeOf(writing)), 'overloaded');
});

test('an owner that may have taken the write is the last one: a second would make a sibling', async () => {
  const { first, second, writing } = start();
  first.pong();
  await turn();
  first.writes[0]?.answer(new MecError('timeout'));
  const outcome = await outcomeOf(writing);
  assert.equal(codeOf(outcome), 'timeout');
  assert.match((outcome as MecError).message, /did not answer in time.* may still take effect/);
  assert.equal(second.writes.length, 0);
});

test('a timeout that the owner reports has the numbers of its quorum', async () => {
  const { first, writing } = start();
  first.pong();
  await turn();
  first.writes[0]?.answer(new MecError('timeout', { have: 1, need: 2 }));
  const outcome = await outcomeOf(writing);
  assert.deepEqual((outcome as MecError).details, { have: 1, need: 2 });
});

test('a refusal that no other owner would make different is the answer', async () => {
  for (const code of [
    'bad-vclock',
    'precondition-failed',
    'contended',
    'quorum-not-met',
  ] as const) {
    const { first, second, writing } = start();
    first.pong();
    await turn();
    first.writes[0]?.answer(new MecError(code));
    assert.equal(codeOf(await outcomeOf(writing)), code);
    assert.equal(isUntouched(new MecError(code)), false);
    assert.equal(second.pings.length, 1);
  }
});
