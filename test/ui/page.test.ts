/** The parts of the page that only compute: rates, words, lines and places. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Member, PeerReach, Pulse, Pulses } from '../../src/ui/page/facts.ts';
import { markLines } from '../../src/ui/page/lines.ts';
import { linksOf, nodesOf } from '../../src/ui/page/nodes.ts';
import { linkTo, placeOf } from '../../src/ui/page/place.ts';
import { loadOf } from '../../src/ui/page/rates.ts';
import { ago, bytes, count, listed, ms, readable, visible } from '../../src/ui/page/words.ts';

const pulse = (name: string, fields: Partial<Pulse> = {}): Pulse => ({
  name,
  state: 'up',
  isReady: true,
  atMs: 0,
  operations: {},
  failed: 0,
  siblingsCreated: 0,
  store: 'ok',
  partitions: '',
  peers: [],
  ...fields,
});

const member = (name: string, state = 'up'): Member => ({ name, state, address: 'h:1' });

const pulses = (
  nodes: readonly Pulse[],
  members = nodes.map(({ name }) => member(name)),
): Pulses => ({
  node: 'n1',
  time: '2026-01-01T00:00:00.000Z',
  bucketsMs: [1, 10, 100],
  members,
  nodes,
  silent: [],
});

/** A pulse with this many GETs in each bucket. */
const gets = (name: string, atMs: number, ...counts: number[]): Pulse =>
  pulse(name, { atMs, operations: { get: { counts, sumMs: 0 } } });

test('a rate is what has been counted between two pulses, by the clock of each node', () => {
  const before = pulses([gets('n1', 1000, 10, 0, 0, 0), gets('n2', 90_000, 5, 5, 0, 0)]);
  const after = pulses([gets('n1', 3000, 30, 0, 0, 0), gets('n2', 91_000, 5, 15, 0, 0)]);
  assert.equal(loadOf(before, after).perSecond.reads, 10 + 10);
  assert.equal(loadOf(before, after, 'n1').perSecond.reads, 10);
  assert.equal(loadOf(before, after, 'n1').perSecond.writes, 0);
});

test('a node that has started again, or has not answered, has no rate', () => {
  const before = pulses([gets('n1', 90_000, 100, 0, 0, 0), gets('n2', 1000, 1, 0, 0, 0)]);
  const after = pulses([gets('n1', 500, 7, 0, 0, 0), gets('n3', 2000, 9, 0, 0, 0)]);
  assert.equal(loadOf(before, after).perSecond.reads, 0);
  assert.equal(loadOf(before, after).p50.reads, undefined);
});

test('a quantile lies in the bucket that has it, and above all buckets it is the last bound', () => {
  const before = pulses([gets('n1', 0, 0, 0, 0, 0)]);
  const times = (...counts: number[]): (number | undefined)[] => {
    const { p50, p99 } = loadOf(before, pulses([gets('n1', 1000, ...counts)]));
    return [p50.reads, p99.reads];
  };
  assert.deepEqual(times(100, 0, 0, 0), [0.5, 0.99]);
  assert.deepEqual(times(0, 100, 0, 0), [5.5, 9.91]);
  assert.deepEqual(times(98, 0, 0, 2), [50 / 98, 100]);
});

test('a link is as bad as its worse end, and unknown if neither end has told', () => {
  const peer = (node: string, reach: PeerReach, differing = 0): Pulse['peers'][number] => ({
    node,
    reach,
    latencyMs: 1,
    differing,
  });
  const views = nodesOf(
    pulses(
      [
        pulse('n1', { peers: [peer('n2', 'reachable'), peer('n3', 'unreachable')] }),
        pulse('n2', { peers: [peer('n1', 'suspect', 3), peer('n3', 'unreachable')] }),
      ],
      ['n1', 'n10', 'n2', 'n3'].map((name) => member(name)),
    ),
  );
  assert.deepEqual(
    views.map(({ member: { name }, word, missedBy }) => [name, word, missedBy.join()]),
    [
      ['n1', 'up', ''],
      ['n2', 'up', ''],
      ['n3', 'silent', 'n1,n2'],
      ['n10', 'silent', ''],
    ],
  );
  const links = Object.fromEntries(
    linksOf(views).map(({ nodes, level, differing }) => [nodes.join(), `${level} ${differing}`]),
  );
  assert.deepEqual(links, {
    'n1,n2': 'fair 3',
    'n1,n3': 'bad 0',
    'n1,n10': 'none 0',
    'n2,n3': 'bad 0',
    'n2,n10': 'none 0',
    'n3,n10': 'none 0',
  });
});

test('lines that the other text lacks are marked', () => {
  const own = (text: string, other: string): string[] =>
    markLines(text, other)
      .filter(({ isOwn }) => isOwn)
      .map(({ text: line }) => line);
  assert.deepEqual(own('a\nb\nc', 'a\nx\nc'), ['b']);
  assert.deepEqual(own('a\nb\nc\nd', 'b\nd\na'), ['a', 'c']);
  assert.deepEqual(own('a', 'a'), []);
  assert.deepEqual(own('a\nb', ''), ['a', 'b']);
  assert.equal(
    markLines('x\ny\nz', 'y')
      .map(({ text }) => text)
      .join('\n'),
    'x\ny\nz',
  );
  // A comparison of all pairs would take gigabytes.
  const long = (word: string): string =>
    Array.from({ length: 5000 }, (_, i) => word + i).join('\n');
  assert.equal(own(long('a'), long('b')).length, 5000);
});

test('text of strangers cannot hide, turn around or break a line', () => {
  assert.equal(visible('a\u202egnp.exe\0\n\t\u007f'), 'a⟨U+202E⟩gnp.exe␀␊␉⟨U+007F⟩');
  assert.equal(readable('a\n\tb\r\u200b'), 'a\n\tb␍⟨U+200B⟩');
  assert.equal(visible('grün 漢字 \u{1F600} <b>'), 'grün 漢字 \u{1F600} <b>');
});

test('numbers are as people read them', () => {
  assert.deepEqual([0, 999, 1000, 12_345_678].map(bytes), ['0 B', '999 B', '1 kB', '12.3 MB']);
  assert.equal(count(1_234_567.4), '1\u202f234\u202f567');
  assert.deepEqual([0.1234, 12, 1500, 65_000, 7_300_000].map(ms), [
    '0.123 ms',
    '12 ms',
    '1.5 s',
    '1 min',
    '2 h',
  ]);
  assert.deepEqual([ago(0, 500), ago(0, 4400)], ['just now', '4 s ago']);
  assert.deepEqual([listed([]), listed(['a']), listed(['a', 'b', 'c'])], ['', 'a', 'a, b and c']);
});

test('the address of a key leads back to it, whatever the key', () => {
  for (const key of ['a', 'a/b#c?d', '%', '<script>', '\u202e\n', 'ü'])
    assert.deepEqual(placeOf(linkTo('key', key)), { view: 'key', name: key });
  assert.deepEqual(placeOf('#/key/%zz'), { view: 'key', name: '%zz' });
  for (const hash of ['', '#', '#/nothing', '#/constructor'])
    assert.equal(placeOf(hash).view, 'weather', hash);
});
