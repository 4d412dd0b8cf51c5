/** The verdict on a cluster, from dated findings, and the reports that nodes exchange. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readReport, packReport, settingsHash } from '../../../src/cluster/insight/report.ts';
import { type DatedFinding, FindingAges, verdictOf } from '../../../src/cluster/insight/verdict.ts';
import { HEALTH_KINDS } from '../../../src/cluster/insight/health-codes.ts';

const finding = (
  code: DatedFinding['code'],
  node: string,
  detail = node,
  sinceMicros = 0,
): DatedFinding => ({ code, node, detail, sinceMicros });

test('a cluster without findings is well', () => {
  assert.deepEqual(verdictOf([]), { status: 'ok', reasons: [] });
});

test('one reason has all nodes, each detail once, and the earliest date', () => {
  const second = 1_000_000;
  const { status, reasons } = verdictOf([
    finding('node-unreachable', 'n3', 'n3', 9 * second),
    finding('node-unreachable', 'n2', 'n2', 7 * second),
    finding('node-unreachable', 'n3', 'n3', 8 * second),
  ]);
  assert.equal(status, 'degraded');
  assert.deepEqual(reasons, [
    {
      code: 'node-unreachable',
      severity: 'degraded',
      since: '1970-01-01T00:00:07.000Z',
      what: 'A node does not answer: n3; n2.',
      todo: HEALTH_KINDS['node-unreachable'].todo,
      nodes: ['n2', 'n3'],
    },
  ]);
});

test('one critical reason makes the verdict critical, and comes first', () => {
  const { status, reasons } = verdictOf([
    finding('clock-skew', 'n2'),
    finding('quorum-lost', 'n1'),
  ]);
  assert.equal(status, 'critical');
  assert.deepEqual(
    reasons.map(({ code }) => code),
    ['quorum-lost', 'clock-skew'],
  );
});

test('a reason names four details, and counts the others', () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((node) => finding('disk-full', node));
  const [reason] = verdictOf(many).reasons;
  assert.match(reason?.what ?? '', /: a; b; c; d; 2 more\.$/);
  assert.equal(reason?.nodes.length, 6);
});

test('a finding counts after its time, keeps its date, and begins again after an end', () => {
  const ages = new FindingAges();
  const disagree = [{ code: 'members-disagree', node: 'n2', detail: '' } as const];
  assert.deepEqual(ages.date(disagree, 0, 5), []);
  assert.deepEqual(ages.date(disagree, 9_999, 6), []);
  assert.deepEqual(
    ages.date(disagree, 10_000, 7).map(({ sinceMicros }) => sinceMicros),
    [5],
  );
  assert.deepEqual(ages.date([], 11_000, 8), []);
  assert.deepEqual(ages.date(disagree, 12_000, 9), [], 'it has begun again');
});

test('a report is read as it was packed', () => {
  const report = { members: 1, settings: 2, findings: [finding('disk-full', 'n2', 'n2', 3)] };
  assert.deepEqual(readReport(JSON.parse(packReport(report))), report);
});

test('parts of a message that are no report are cut or left out', () => {
  for (const value of [null, 1, [], {}, { members: '1', settings: 2, findings: [] }])
    assert.equal(readReport(value), undefined, JSON.stringify(value));
  const good = finding('disk-full', 'n2', 'x'.repeat(1_000), 3);
  const bad = [
    { ...good, code: 'later' },
    { ...good, code: 'constructor' },
    { ...good, node: 7 },
    { ...good, sinceMicros: 1e300 },
    { ...good, sinceMicros: -1 },
    null,
  ];
  const report = readReport({ members: 1, settings: 2, findings: [...bad, good] });
  assert.deepEqual(
    report?.findings.map(({ detail }) => detail.length),
    [300],
  );
  const many = readReport({ members: 1, settings: 2, findings: Array(1_000).fill(good) });
  assert.equal(many?.findings.length, 256);
  // A date that is too large for ISO 8601 would end the answer.
  const last = { ...good, sinceMicros: 8_640_000_000_000_000 };
  assert.equal(verdictOf(readReport({ ...report, findings: [last] })?.findings ?? []).status, 'ok');
});

test('settings are equal in any order of the policies, and differ by each value', () => {
  const policy = { siblings: 'keep', ttlMs: 1, r: 1, w: 1, maxValueBytes: 1 } as const;
  const [a, b] = [
    { ...policy, prefix: 'a' },
    { ...policy, prefix: 'b' },
  ];
  const quorum = { n: 3, r: 'quorum', w: 'quorum', timeoutMs: 1 } as const;
  const hash = settingsHash({ quorum, policies: [a, b] });
  assert.equal(settingsHash({ quorum: { ...quorum, timeoutMs: 2 }, policies: [b, a] }), hash);
  const others = [
    { quorum: { ...quorum, r: 1 }, policies: [a, b] },
    { quorum, policies: [a] },
    { quorum, policies: [a, { ...b, prefix: 'c' }] },
    { quorum, policies: [a, { ...b, siblings: 'last-write-wins' as const }] },
    { quorum, policies: [a, { ...b, ttlMs: 2 }] },
    { quorum, policies: [a, { ...b, w: 2 }] },
    { quorum, policies: [a, { ...b, maxValueBytes: 2 }] },
  ];
  for (const other of others) assert.notEqual(settingsHash(other), hash, JSON.stringify(other));
});
