import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CurrentActors, OwnActors } from '../../src/core/causality/actor.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import { Detector } from '../../src/core/placement/detector.ts';
import { LateLatency } from '../../src/core/quorum/latency.ts';
import type { FilledObject } from '../../src/core/causality/object.ts';
import {
  leastWriteQuorum,
  parseQuorum,
  type Quorum,
  quorumSize,
} from '../../src/core/quorum/quorum.ts';
import { ReadQuorum } from '../../src/core/quorum/read-quorum.ts';
import { Tally } from '../../src/core/quorum/tally.ts';

test('parseQuorum accepts numbers and words, and returns undefined otherwise', () => {
  assert.equal(parseQuorum('2'), 2);
  assert.equal(parseQuorum('all'), 'all');
  for (const text of ['', '0', '-1', '1.5', 'most', '1e1', ' 1'])
    assert.equal(parseQuorum(text), undefined, text);
});

test('quorumSize never exceeds the number of replicas', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((n) => quorumSize('quorum', n)),
    [1, 2, 2, 3, 3],
  );
  assert.equal(quorumSize(3, 1), 1);
  assert.equal(quorumSize('all', 2), 2);
  assert.equal(quorumSize('one', 3), 1);
});

test('leastWriteQuorum is the least of the majority and all configured quorums', () => {
  const cases: [Quorum[], number, number][] = [
    [[], 3, 2],
    [['quorum'], 3, 2],
    [['all'], 3, 2], // a request may ask for the majority
    [['all'], 1, 1],
    [[3], 5, 3],
    [['all', 'one'], 3, 1],
    [['quorum', 1, 'all'], 5, 1],
    [[2], 5, 2],
    [[4], 5, 3],
    [[4], 2, 2],
  ];
  for (const [configured, replicas, least] of cases)
    assert.equal(
      leastWriteQuorum(configured, replicas),
      least,
      JSON.stringify([configured, replicas]),
    );
});

test('a tally is met, or fails as soon as the quorum is out of reach', () => {
  const tally = new Tally(2);
  for (let i = 0; i < 3; i++) tally.ask();
  tally.fail('overloaded');
  assert.equal(tally.verdict(), 'waiting');
  tally.succeed();
  tally.succeed();
  assert.equal(tally.verdict(), 'met');
  const hopeless = new Tally(2);
  hopeless.ask();
  assert.equal(hopeless.verdict(), 'failed');
});

test('a fallback does not count towards the owners that a tally needs', () => {
  const tally = new Tally(2, 2);
  tally.ask(true);
  tally.ask(false);
  assert.ok(tally.isShort, 'one owner is not enough to ask');
  tally.succeed(false);
  tally.succeed(true);
  assert.equal(tally.verdict(), 'failed');
  assert.deepEqual([tally.error('').details.have, tally.error('').details.need], [1, 2]);
  tally.ask(true);
  assert.ok(!tally.isShort);
  tally.succeed(true);
  assert.equal(tally.verdict(), 'met');
});

test('a failed tally is timeout or quorum-not-met, with have and need', () => {
  const late = new Tally(2);
  late.ask();
  late.fail('timeout');
  assert.equal(late.error('').code, 'timeout');
  const down = new Tally(2);
  down.ask();
  down.succeed();
  assert.equal(down.error('').code, 'quorum-not-met');
  assert.equal(down.error('').details.have, 1);
  assert.equal(down.error('').details.need, 2);
});

test('readError has the code damaged if a replica was damaged, and error has not', () => {
  const tally = new Tally(2);
  tally.ask();
  tally.fail('damaged');
  assert.equal(tally.readError('').code, 'damaged');
  assert.equal(tally.error('').code, 'quorum-not-met');
  assert.match(tally.error('').details.detail ?? '', /disks are damaged/);
});

test('ReadQuorum merges the replies and names the stale members', () => {
  const object = (counter: number): FilledObject<string> => ({
    versions: [{ actor: 'a', counter, body: `v${counter}` }],
    context: CausalContext.ofBase('a', counter),
  });
  const owners = ['old', 'new'];
  const sets = { owners, nextOwners: owners };
  const fold = new ReadQuorum<string>({ any: 2 }, sets, () => false);
  const reply = { role: 'owner', counts: true, isComplete: true } as const;
  for (const member of owners) fold.ask(member, 'owner');
  fold.add('old', object(1), reply);
  assert.equal(fold.verdict(), 'waiting');
  fold.add('new', object(2), reply);
  assert.equal(fold.verdict(), 'met');
  assert.deepEqual(
    fold.merged?.versions.map(({ body }) => body),
    ['v2'],
  );
  assert.deepEqual(fold.stale(), ['old']);
});

test('an actor is dead when its node has another life or its replica has begun again', () => {
  let life: string | undefined = 'one';
  const current = new CurrentActors((node) => (node === 'n1' ? life : undefined));
  assert.equal(current.isDead('n1~one'), false);
  assert.equal(current.isDead('n1~two'), true, 'another life than in the record');
  assert.equal(current.isDead('n2~one'), true, 'no member');
  assert.equal(current.isDead('seed-era'), true);
  current.observe('n1~one.2');
  assert.equal(current.isDead('n1~one'), true);
  assert.equal(current.isDead('n1~one.2'), false);
  current.observe('n1~one');
  assert.equal(current.isDead('n1~one.2'), false, 'a late report of the first actor');
  current.observe('n1~two.9');
  assert.equal(current.isDead('n1~one.2'), false, 'a report of another life');
  life = 'two';
  assert.equal(current.isDead('n1~one.2'), true);
  assert.equal(current.isDead('n1~two'), false);
  life = undefined;
  assert.equal(current.isDead('n1~two'), true, 'gone');
});

test('a replica that begins again gets another actor', () => {
  const actors = new OwnActors('n1', 'one');
  assert.equal(actors.next(3), 'n1~one');
  actors.use(3);
  assert.deepEqual([actors.next(3), actors.next(4)], ['n1~one.2', 'n1~one']);
  actors.use(3);
  assert.equal(actors.next(3), 'n1~one.3');
});

test('a peer that does not answer becomes suspect, then unreachable', () => {
  const detector = new Detector({ suspectAfterMs: 100, unreachableAfterMs: 300 });
  assert.equal(detector.reach('p', 0), 'unreachable', 'never heard of');
  detector.noteAnswer('p', 0);
  assert.equal(detector.reach('p', 10_000), 'reachable', 'it was not asked since');
  detector.noteProbe('p', 50);
  detector.noteProbe('p', 90);
  assert.deepEqual(
    [149, 150, 349, 350].map((ms) => detector.reach('p', ms)),
    ['reachable', 'suspect', 'suspect', 'unreachable'],
  );
  detector.noteAnswer('p', 350);
  assert.equal(detector.reach('p', 350), 'reachable');
});

test('excusePause does not count a pause of this node as silence of a peer', () => {
  const detector = new Detector({ suspectAfterMs: 100, unreachableAfterMs: 300 });
  detector.noteAnswer('p', 0);
  detector.noteProbe('p', 0);
  detector.excusePause(5_000);
  assert.equal(detector.reach('p', 5_050), 'reachable');
  assert.equal(detector.silenceMs('p', 5_050), 50);
});

test('p95Ms is the 95th percentile of the latest samples', () => {
  const latency = new LateLatency();
  for (let i = 0; i < 1000; i++) latency.add(1000);
  for (let i = 1; i <= 128; i++) latency.add(i);
  assert.ok(Math.abs(latency.p95Ms - 122) <= 1, String(latency.p95Ms));
});
