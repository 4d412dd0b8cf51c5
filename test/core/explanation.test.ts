/** The explanation of a key as a table: holders with versions and contexts, and what follows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausalContext, type Dot } from '../../src/core/causality/causal-context.ts';
import {
  currentObject,
  effectOf,
  type HeldObject,
  spreadOf,
} from '../../src/core/causality/explanation.ts';

const dotOf = (text: string): Dot => ({ actor: text[0] ?? '', counter: Number(text.slice(1)) });
const dotsOf = (text: string): Dot[] => text.split(' ').filter(Boolean).map(dotOf);

/** A holder by its versions, and the dots that it has seen besides: `b1|a1 a2`. */
function holder(node: string, text: string): HeldObject<string> {
  const [held = '', seen = ''] = text.split('|');
  const versions = dotsOf(held).map((dot) => ({ ...dot, body: `${dot.actor}${dot.counter}` }));
  return {
    node,
    object: { versions, context: CausalContext.ofDots([...versions, ...dotsOf(seen)]) },
  };
}

const holdersOf = (texts: readonly string[]): HeldObject<string>[] =>
  texts.map((text, i) => holder(`n${i + 1}`, text));

/** Holders; for each version its state at each of them; the current versions. */
const TABLE: readonly (readonly [string, readonly string[], readonly string[], string])[] = [
  ['nobody has anything', ['', ''], [], ''],
  ['all have it', ['a1', 'a1'], ['a1: has has'], 'a1'],
  ['one has not seen it', ['a1', ''], ['a1: has late'], 'a1'],
  [
    'one has seen that it was replaced',
    ['a1', 'a2|a1'],
    ['a1: outdated replaced', 'a2: late has'],
    'a2',
  ],
  ['it was deleted at one', ['a1', '|a1 b1'], ['a1: outdated replaced'], ''],
  ['one has lost it', ['a1', '|a1'], ['a1: has lost'], 'a1'],
  ['one has lost it, and a third is late', ['a1', '|a1', ''], ['a1: has lost late'], 'a1'],
  ['siblings', ['a1 b1', 'a1 b1'], ['a1: has has', 'b1: has has'], 'a1 b1'],
  ['siblings on two sides', ['a1', 'b1'], ['a1: has late', 'b1: late has'], 'a1 b1'],
  [
    'a replacement that one has not seen',
    ['a1 b1', 'c1|a1', 'a1 b1'],
    ['a1: outdated replaced outdated', 'b1: has late has', 'c1: late has late'],
    'b1 c1',
  ],
  ['replaced everywhere, and one is late for all', ['a2|a1', ''], ['a2: has late'], 'a2'],
];

for (const [name, texts, states, current] of TABLE) {
  test(`versions: ${name}`, () => {
    const holders = holdersOf(texts);
    assert.deepEqual(
      spreadOf(holders).map(
        ({ version, states: at }) => `${version.body}: ${Object.values(at).join(' ')}`,
      ),
      states,
    );
    const shown = currentObject(holders).versions.map(({ body }) => body);
    assert.deepEqual(shown.join(' '), current);
  });
}

test('a version counts as lost only if a holder that has seen as much still has it', () => {
  // The second knows b1, which the first does not: b1 may have replaced a1.
  const [spread] = spreadOf(holdersOf(['a1', '|a1 b1']));
  assert.equal(spread?.states['n2'], 'replaced');
});

/** The versions before, the token, and what a write replaces and leaves. */
const EFFECTS: readonly (readonly [string, string, string, string])[] = [
  ['', '', '', ''],
  ['a1', '', '', 'a1'],
  ['a1', 'a1', 'a1', ''],
  ['a1 b1', 'a1', 'a1', 'b1'],
  ['a1 b1', 'a1 b1 c9', 'a1 b1', ''],
  ['a2|a1', 'a1', '', 'a2'],
];

for (const [before, token, replaces, leaves] of EFFECTS) {
  test(`a write with the token {${token}} on {${before}}`, () => {
    const { object } = holder('n1', before);
    const effect = effectOf(object, {
      token: CausalContext.ofDots(dotsOf(token)),
      actor: 'x',
      body: '',
    });
    const textOf = (dots: readonly Dot[]): string =>
      dots.map(({ actor, counter }) => `${actor}${counter}`).join(' ');
    assert.deepEqual([textOf(effect.replaces), textOf(effect.leaves)], [replaces, leaves]);
  });
}
