/** The rules of evidence as tables of statements and conclusions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import {
  areHeldNowhere,
  areSameReplicas,
  heldDots,
  isCompleteByAll,
  isCompleteByOwners,
  mayDrop,
  type Round,
  type Statement,
  whyFalse,
} from '../../src/core/causality/evidence.ts';

const NONE = new CausalContext();
/** `a:3` are the dots 1 … 3 of a; `a.3` is the third alone. */
function dots(text: string): CausalContext {
  const context = new CausalContext();
  for (const word of text.split(' ').filter((each) => each !== '')) {
    const [, actor, kind, last] = /^(\w+)([:.])(\d+)$/.exec(word) as unknown as [
      string,
      string,
      string,
      string,
    ];
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
const says = (clock: string, more: Partial<Statement> = {}): Statement => ({
  ...OWNER,
  clock: dots(clock),
  ...more,
});
const round = (...statements: Statement[]): Round =>
  new Map(statements.map((said, i) => [`n${i + 1}`, said]));

const HELD: readonly (readonly [string, string, Statement, string])[] = [
  ['dots that it has seen', 'a:3', says('a:2'), '{a:1-2}'],
  ['no dots that were closed', 'a:3', says('a:3', { lost: dots('a.2') }), '{a:1,3}'],
  ['dots set aside, even outside its clock', 'a:3', says('', { aside: dots('a.2 b.1') }), '{a:2}'],
  ['no dots that it has not seen', 'a:3', says('b:9'), '{}'],
];
for (const [what, asked, said, held] of HELD) {
  test(`a replica holds ${what}`, () => assert.equal(heldDots(dots(asked), said).toString(), held));
}

const GAPS: readonly (readonly [string, Round, boolean])[] = [
  ['no member has it', round(says('a.3'), says('')), true],
  ['there is no other member', round(), true],
  [
    'a member that is not an owner has it',
    round(says(''), says('a.2', { isOwner: false, isComplete: false })),
    false,
  ],
  ['a member has set it aside', round(says(''), says('', { aside: dots('a.2') })), false],
  ['a member cannot read all its keys', round(says(''), says('', { isWhole: false })), false],
  ['a member has closed it already', round(says('a:2', { lost: dots('a:2') })), true],
];
for (const [what, said, isNowhere] of GAPS) {
  test(`a gap is ${isNowhere ? '' : 'not '}closed if ${what}`, () => {
    assert.equal(areHeldNowhere(dots('a:2'), said), isNowhere);
  });
}

const DROPS: readonly (readonly [string, Partial<Statement>, Round, boolean])[] = [
  ['every owner has seen all its dots', {}, round(says('a:2'), says('a:3 b:1')), true],
  ['an owner lacks a dot', {}, round(says('a:2'), says('a:1')), false],
  ['an owner has not answered', {}, round(says('a:2')), false],
  [
    'an owner does not know that it is an owner',
    {},
    round(says('a:2'), says('a:2', { isOwner: false })),
    false,
  ],
  ['an owner is not complete', {}, round(says('a:2'), says('a:2', { isComplete: false })), false],
  [
    'an owner cannot read all its keys',
    {},
    round(says('a:2'), says('a:2', { isWhole: false })),
    false,
  ],
  [
    'the dots that an owner lacks were closed here',
    { lost: dots('a.2') },
    round(says('a:1'), says('a:1')),
    true,
  ],
  [
    'an owner has not seen a dot that is set aside here',
    { aside: dots('c.1') },
    round(says('a:2'), says('a:2 c:1')),
    false,
  ],
  [
    'every owner has seen the dot that is set aside here',
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
  ['two complete owners have seen no other dots', [says('a:2'), says('a:1 b:1')], true],
  ['only one of them is complete', [says('a:2'), says('a:1', { isComplete: false })], false],
  ['one of them has seen another dot', [says('a:2'), says('a:3')], false],
  ['one of them is not an owner', [says('a:2'), says('a:1', { isOwner: false })], false],
  ['one of them cannot read all its keys', [says('a:2'), says('a:1', { isWhole: false })], false],
  ['one of them has set a dot aside', [says('a:2'), says('a:1', { aside: dots('c.1') })], false],
  [
    'one of them has not sent its memories',
    [says('a:2'), says('a:1', { memories: undefined })],
    false,
  ],
];
for (const [what, said, isComplete] of COMPLETE) {
  test(`a replica is ${isComplete ? '' : 'not '}complete by two owners if ${what}`, () => {
    assert.equal(isCompleteByOwners(dots('a:2 b:1'), 2, said), isComplete);
  });
}

const TOGETHER: readonly (readonly [string, Round, boolean])[] = [
  [
    'no member has seen other dots, and none is complete',
    round(says('a:2', { isComplete: false }), says('')),
    true,
  ],
  ['it is the only member', round(), true],
  ['a fallback has seen another dot', round(says('a:2'), says('d:1', { isOwner: false })), false],
  [
    'a member has set aside a dot that this replica lacks',
    round(says('', { aside: dots('d.1') })),
    false,
  ],
  [
    'a member has set aside a dot that this replica has',
    round(says('', { aside: dots('a.2') })),
    true,
  ],
  ['a member cannot read all its keys', round(says('', { isWhole: false })), false],
  ['a member has not sent its memories', round(says('', { memories: undefined })), false],
];
for (const [what, said, isComplete] of TOGETHER) {
  test(`a replica is ${isComplete ? '' : 'not '}complete by all statements if ${what}`, () => {
    assert.equal(isCompleteByAll(dots('a:2'), said), isComplete);
  });
}

test('areSameReplicas holds while members, lives and replicas stay the same', () => {
  const first = round(says('a:1'), says(''));
  assert.equal(areSameReplicas(first, round(says('a:2'), says('b:1'))), true, 'clocks may differ');
  assert.equal(areSameReplicas(first, round(says('a:1'), says('', { life: 'two' }))), false);
  assert.equal(areSameReplicas(first, round(says('a:1'), says('', { replica: 'r2' }))), false);
  assert.equal(areSameReplicas(first, round(says('a:1'))), false);
});

for (const [what, clock, lost, isFalse] of [
  ['names all writes of this replica', 'a:3 b:9', '', false],
  ['names no writes of this replica', 'b:9', 'b.4', false],
  ['names the next write of this replica', 'a:4', '', true],
  ['names a later write of this replica', 'a.9', '', true],
  ['closes a write of this replica', 'a:3', 'a.2', true],
] as const)
  test(`a statement that ${what} can${isFalse ? 'not' : ''} be true`, () => {
    const said = { clock: dots(clock), lost: dots(lost) };
    const own = { actor: 'a', clock: dots('a:3 b:2') };
    const reason = whyFalse(said, own, false);
    assert.equal(reason !== undefined, isFalse, reason);
    // Others close the dots of an actor that they take for dead.
    assert.equal(whyFalse(said, own, true) !== undefined, isFalse && lost === '');
  });
