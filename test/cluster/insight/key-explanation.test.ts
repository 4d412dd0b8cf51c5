/** The explanation of a key from reports: reasons, predictions, and reports of broken peers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainReports } from '../../../src/cluster/insight/key-explanation.ts';
import {
  type KeyReport,
  packKeyReport,
  readKeyReport,
  type UnseenVersions,
} from '../../../src/cluster/insight/key-report.ts';
import { MAX_OBJECT_BYTES } from '../../../src/base/limits.ts';
import { CausalContext } from '../../../src/core/causality/causal-context.ts';
import { parseDot } from '../../../src/core/causality/dot.ts';
import { Floor } from '../../../src/core/causality/floor.ts';
import { MAX_OBJECT_RANGES, MAX_SIBLINGS } from '../../../src/storage/limits.ts';
import { MAX_INSIGHT_CHARS } from '../../../src/transport/limits.ts';

const dotOf = (text: string): { actor: string; counter: number } =>
  parseDot(text) ?? assert.fail(text);

function report(dots: readonly string[], siblings: readonly UnseenVersions[] = []): KeyReport {
  const versions = dots.map((text) => ({
    ...dotOf(text),
    body: { bytes: 5, atMicros: 1_000_000, clientId: 'web-3' },
  }));
  return {
    object: { versions, context: CausalContext.ofDots(versions) },
    actor: 'n1~life',
    isComplete: true,
    isDamaged: false,
    atMicros: 2_000_000,
    siblings,
  };
}

const A = 'n1~life:1';
const B = 'n1~life:2';
const C = 'n2~life:1';
const plain = { coordinator: 'n1', token: new CausalContext(), isLast: false };

test('a sibling is explained by the write that had not seen the other', () => {
  const blind = { dot: B, wasBlind: true, unseen: [A], clientId: 'web-3' };
  const { pairs } = explainReports(new Map([['n1', report([A, B], [blind])]]), plain);
  assert.deepEqual(pairs, [
    {
      dots: [A, B],
      why: `${B} was written by client web-3 without a token; it had not seen ${A}`,
    },
  ]);
  const old = { ...blind, wasBlind: false, clientId: undefined };
  const [pair] = explainReports(new Map([['n2', report([A, B], [old])]]), plain).pairs;
  assert.equal(
    pair?.why,
    `${B} was written by a client without a name with an older token; it had not seen ${A}`,
  );
});

test('writes at two nodes that had not seen each other are told as such', () => {
  const reports = new Map([
    ['n1', report([A])],
    ['n2', report([C])],
  ]);
  const { pairs, versions } = explainReports(reports, plain);
  assert.equal(pairs[0]?.why, `n1 took ${A} and n2 took ${C}, and neither had seen the other`);
  assert.deepEqual(
    versions.map(({ dot, takenBy, holders }) => [dot, takenBy, holders]),
    [
      [A, 'n1', { n1: 'has', n2: 'late' }],
      [C, 'n2', { n1: 'late', n2: 'has' }],
    ],
  );
});

test('a reason that no node remembers is told as such', () => {
  const [pair] = explainReports(new Map([['n1', report([A, B])]]), plain).pairs;
  assert.equal(pair?.why, `${B} had not seen ${A}; n1 does not remember more`);
});

test('a version has its node, time, client, and bytes', () => {
  const [version] = explainReports(new Map([['n1', report([A])]]), plain).versions;
  assert.deepEqual(version, {
    dot: A,
    takenBy: 'n1',
    time: '1970-01-01T00:00:01.000Z',
    clientId: 'web-3',
    bytes: 5,
    isCurrent: true,
    holders: { n1: 'has' },
  });
});

test('a write is predicted: by its token, by the policy, and if it would be refused', () => {
  const reports = new Map([['n1', report([A, B])]]);
  const predict = (more: Partial<typeof plain>): unknown =>
    explainReports(reports, { ...plain, ...more }).ifYouWrite;
  const effect = { coordinator: 'n1', refused: undefined };
  assert.deepEqual(predict({}), { ...effect, replaces: [], leaves: [A, B] });
  const token = CausalContext.ofDots([dotOf(A)]);
  assert.deepEqual(predict({ token }), { ...effect, replaces: [A], leaves: [B] });
  assert.deepEqual(predict({ isLast: true }), { ...effect, replaces: [A, B], leaves: [] });
  const never = CausalContext.ofDots([dotOf('n1~life:9')]);
  assert.equal((predict({ token: never }) as { refused: string }).refused, 'bad-vclock');
  assert.equal(explainReports(reports, { ...plain, coordinator: 'n2' }).ifYouWrite, undefined);
});

test('a write on a full key is predicted to be refused', () => {
  const full = Array.from({ length: MAX_SIBLINGS }, (_, i) => `n1~life:${i + 1}`);
  const predict = (dots: readonly string[], token: CausalContext): unknown =>
    explainReports(new Map([['n1', report(dots)]]), { ...plain, token }).ifYouWrite?.refused;
  assert.equal(predict(full, new CausalContext()), 'too-many-siblings');
  assert.equal(predict(full.slice(1), new CausalContext()), undefined);
  assert.equal(predict(full, CausalContext.ofDots(full.map(dotOf))), undefined);
});

test('bytes that a write replaces do not count, and those that it leaves do', () => {
  const [large, small] = report([A, B]).object.versions.map((version, at) => ({
    ...version,
    body: { ...version.body, bytes: at === 0 ? MAX_OBJECT_BYTES + 1 : 1 },
  }));
  assert.ok(large !== undefined && small !== undefined);
  const object = { ...report([A, B]).object, versions: [large, small] };
  const reports = new Map([['n1', { ...report([A, B]), object }]]);
  const refused = (...seen: readonly string[]): unknown => {
    const token = CausalContext.ofDots(seen.map(dotOf));
    return explainReports(reports, { ...plain, token }).ifYouWrite?.refused;
  };
  assert.deepEqual(
    [refused(), refused(A), refused(B)],
    ['too-many-siblings', undefined, 'too-many-siblings'],
  );
});

test('the refusal of the coordinator itself comes first', () => {
  const full = Array.from({ length: MAX_SIBLINGS }, (_, i) => `n1~life:${i + 1}`);
  const planned = { ...plain, refused: 'quorum-not-met' } as const;
  const { ifYouWrite } = explainReports(new Map([['n1', report(full)]]), planned);
  assert.equal(ifYouWrite?.refused, 'quorum-not-met');
});

test('a report is read as it was packed', () => {
  const blind = { dot: B, wasBlind: true, unseen: [A], clientId: 'web-3' };
  const made = report([A, B], [blind]);
  const read = readKeyReport(JSON.parse(packKeyReport(made)));
  assert.ok(read?.object.context.equals(made.object.context));
  const { object, ...rest } = read ?? assert.fail('it is not read');
  const { object: expected, ...others } = made;
  assert.deepEqual([object.versions, rest], [expected.versions, others]);
});

/** A report of a node that has seen `count` dead actors, all of them below its floor. */
function reportOnFloor(count: number): { made: KeyReport; read: KeyReport | undefined } {
  const dead = Array.from({ length: count }, (_, i) => [`dead-node~life${i}`, 1] as const);
  const made = report([A, B]);
  const context = made.object.context.clone();
  for (const [actor, base] of dead) context.addRanges(actor, [1, base]);
  assert.ok(context.shareFloor(Floor.NONE.with(new Map(dead))));
  const whole = { ...made, object: { ...made.object, context } };
  const packed = packKeyReport(whole);
  assert.ok(packed.length <= MAX_INSIGHT_CHARS, `${packed.length}`);
  return { made: whole, read: readKeyReport(JSON.parse(packed)) };
}

test('a report has the dead actors below the floor, so that old versions are known as such', () => {
  const { made, read } = reportOnFloor(MAX_OBJECT_RANGES + 1);
  assert.ok(read !== undefined);
  assert.ok(read.object.context.equals(made.object.context));
  const old = report(['dead-node~life7:1']);
  const { versions } = explainReports(
    new Map([
      ['n1', read],
      ['n2', old],
    ]),
    plain,
  );
  const found = versions.find(({ dot }) => dot === 'dead-node~life7:1');
  assert.deepEqual(found?.holders, { n1: 'replaced', n2: 'outdated' });
});

test('a report leaves out the dead actors below the floor if they are too many', () => {
  const { read } = reportOnFloor(20_000);
  assert.ok(read?.object.context.equals(report([A, B]).object.context));
});

test('the last write replaces what its coordinator has, and no more', () => {
  const reports = new Map([
    ['n1', report([A])],
    ['n2', report([C])],
  ]);
  const { ifYouWrite } = explainReports(reports, { ...plain, isLast: true });
  assert.deepEqual([ifYouWrite?.replaces, ifYouWrite?.leaves], [[A], [C]]);
});

test('a report of a hundred versions fits in its bound', () => {
  const dots = Array.from(
    { length: MAX_SIBLINGS },
    (_, i) => `node-with-a-name~life567890:${i + 1}`,
  );
  const siblings = dots.map((dot, i) => ({
    dot,
    wasBlind: true,
    unseen: dots.slice(0, i),
    clientId: 'c'.repeat(300),
  }));
  assert.ok(packKeyReport(report(dots, siblings)).length < 512 * 1024);
});

test('a peer that sends no report, or a broken one, ends nothing', () => {
  for (const value of [undefined, null, 1, 'x', [], {}, { actor: 'a', atMicros: 1, context: 5 }])
    assert.equal(readKeyReport(value), undefined, JSON.stringify(value));
  const good = JSON.parse(packKeyReport(report([A]))) as Record<string, unknown>;
  const bad = {
    ...good,
    versions: [null, { dot: 'x' }, { dot: A, bytes: -1, clientId: 7 }],
    siblings: [1],
  };
  assert.deepEqual(
    readKeyReport(bad)?.object.versions.map(({ body }) => body),
    [{ bytes: 0, atMicros: undefined, clientId: undefined }],
  );
  const unknown = {
    ...good,
    siblings: [
      { at: 7, unseen: [0] },
      { at: 0, unseen: [0, 9, 'x'] },
    ],
  };
  assert.deepEqual(
    readKeyReport(unknown)?.siblings.map(({ unseen }) => unseen),
    [[A]],
  );
});
