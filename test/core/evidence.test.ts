/** The rules of what may be forgotten, as tables: what was said, and what follows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import {
  areHeldNowhere,
  areSameReplicas,
  heldOf,
  isCompleteByAll,
  isCompleteByOwners,
  mayDrop,
  type Round,
  type Statement,
} from '../../src/core/causality/evidence.ts';

const NONE = new CausalContext();
/** `a:3` are the dots 1 … 3 of a; `a.3` is the third alone. */
function dots(text: string): CausalContext {
  const context = new CausalContext();
  for (const word of text.split(' ').filter((each) => each !== '')) {
    const [, actor, kind, last] = /^(\w+)([:.])(\d+)$/.exec(word) as unknown as [string, string, string, string];
    if (kind === ':') context.addRanges(actor, [1, Number(last)]);
    else context.add(actor, Number(last));
  }
  return context;
}

const OWNER: Statement = {
  life: 'one',
  replica: 'r1',
  actor: 'x~one',
  isOwner: true,
  isComplete: true,
  isWhole: true,
  clock: NONE,
  lost: NONE,
  aside: NONE,
  memories: [],
};
const says = (clock: string, more: Partial<Statement> = {}): Statement => ({ ...OWNER, clock: dots(clock), ...more });
const round = (...statements: Statement[]): Round => new Map(statements.map((said, i) => [`n${i + 1}`, said]));

const HELD: readonly (readonly [string, string, Statement, string])[] = [
  ['what was seen is held', 'a:3', says('a:2'), '{a:1-2}'],
  ['what was closed is not', 'a:3', says('a:3', { lost: dots('a.2') }), '{a:1,3}'],
  ['what was set aside is, though no clock has it', 'a:3', says('', { aside: dots('a.2 b.1') }), '{a:2}'],
  ['and what others have is no matter', 'a:3', says('b:9'), '{}'],
];
for (const [what, asked, said, held] of HELD) {
  test(`held: ${what}`, () => assert.equal(heldOf(dots(asked), said).toString(), held));
}

const GAPS: readonly (readonly [string, Round, boolean])[] = [
  ['no member has it', round(says('a.3'), says('')), true],
  ['there is no other member', round(), true],
  ['one member that is no owner has it', round(says(''), says('a.2', { isOwner: false, isComplete: false })), false],
  ['one has set it aside', round(says(''), says('', { aside: dots('a.2') })), false],
  ['one cannot read all of its keys', round(says(''), says('', { isWhole: false })), false],
  ['one has closed it already', round(says('a:2', { lost: dots('a:2') })), true],
];
for (const [what, said, isNowhere] of GAPS) {
  test(`a gap is ${isNowhere ? '' : 'not '}closed if ${what}`, () => {
    assert.equal(areHeldNowhere(dots('a:2'), said), isNowhere);
  });
}

const DROPS: readonly (readonly [string, Partial<Statement>, Round, boolean])[] = [
  ['every owner has seen it all', {}, round(says('a:2'), says('a:3 b:1')), true],
  ['an owner lacks a dot', {}, round(says('a:2'), says('a:1')), false],
  ['an owner has not answered', {}, round(says('a:2')), false],
  ['an owner does not know that it is one', {}, round(says('a:2'), says('a:2', { isOwner: false })), false],
  ['an owner is not complete', {}, round(says('a:2'), says('a:2', { isComplete: false })), false],
  ['an owner cannot read all of its keys', {}, round(says('a:2'), says('a:2', { isWhole: false })), false],
  ['what an owner lacks was closed here', { lost: dots('a.2') }, round(says('a:1'), says('a:1')), true],
  ['an owner has not seen what is set aside here', { aside: dots('c.1') }, round(says('a:2'), says('a:2 c:1')), false],
  [
    'every owner has seen what is set aside here',
    { aside: dots('c.1') },
    round(says('a:2 c:1'), says('a:2 c:1')),
    true,
  ],
];
for (const [what, own, said, may] of DROPS) {
  test(`a fallback is ${may ? '' : 'not '}dropped if ${what}`, () => {
    const replica = { clock: dots('a:2'), lost: NONE, aside: NONE, ...own };
    assert.equal(mayDrop(replica, ['n1', 'n2'], said), may);
  });
}

test('a fallback is not dropped if there are no owners', () => {
  assert.equal(mayDrop({ clock: NONE, lost: NONE, aside: NONE }, [], round()), false);
});

const COMPLETE: readonly (readonly [string, Statement[], boolean])[] = [
  ['two complete owners have seen no more', [says('a:2'), says('a:1 b:1')], true],
  ['only one is complete', [says('a:2'), says('a:1', { isComplete: false })], false],
  ['one has seen more', [says('a:2'), says('a:3')], false],
  ['one owns nothing', [says('a:2'), says('a:1', { isOwner: false })], false],
  ['one cannot read all of its keys', [says('a:2'), says('a:1', { isWhole: false })], false],
  ['one has set something aside', [says('a:2'), says('a:1', { aside: dots('c.1') })], false],
  ['one has not told what it remembers', [says('a:2'), says('a:1', { memories: undefined })], false],
];
for (const [what, said, isComplete] of COMPLETE) {
  test(`a replica is ${isComplete ? '' : 'not '}complete by two owners if ${what}`, () => {
    assert.equal(isCompleteByOwners(dots('a:2 b:1'), 2, said), isComplete);
  });
}

const TOGETHER: readonly (readonly [string, Round, boolean])[] = [
  ['all have seen no more, none of them complete', round(says('a:2', { isComplete: false }), says('')), true],
  ['it is the only member', round(), true],
  ['a fallback has seen more', round(says('a:2'), says('d:1', { isOwner: false })), false],
  ['one has set something aside that this one lacks', round(says('', { aside: dots('d.1') })), false],
  ['one has set aside what this one has', round(says('', { aside: dots('a.2') })), true],
  ['one cannot read all of its keys', round(says('', { isWhole: false })), false],
  ['one has not told what it remembers', round(says('', { memories: undefined })), false],
];
for (const [what, said, isComplete] of TOGETHER) {
  test(`a replica is ${isComplete ? '' : 'not '}complete by the word of all if ${what}`, () => {
    assert.equal(isCompleteByAll(dots('a:2'), said), isComplete);
  });
}

test('two rounds are of the same replicas if no life and no replica has changed, and no member', () => {
  const first = round(says('a:1'), says(''));
  assert.equal(areSameReplicas(first, round(says('a:2'), says('b:1'))), true, 'whatever they have seen since');
  assert.equal(areSameReplicas(first, round(says('a:1'), says('', { life: 'two' }))), false);
  assert.equal(areSameReplicas(first, round(says('a:1'), says('', { replica: 'r2' }))), false);
  assert.equal(areSameReplicas(first, round(says('a:1'))), false);
});
