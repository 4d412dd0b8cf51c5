/** What the coordinator of a conditional write decides, by what the majority has told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8ToBytes } from '../../src/base/bytes.ts';
import { MecError } from '../../src/base/errors.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { Condition } from '../../src/core/quorum/condition.ts';
import { digestOf, packContent } from '../../src/core/value/content.ts';
import { decide, type Decision, type MadeWrite } from '../../src/core/quorum/decision.ts';
import { etagOf } from '../../src/core/value/etag.ts';
import type { ObjectVersion } from '../../src/core/causality/object.ts';

function body(value: string, idempotencyKey?: string): Uint8Array {
  return packContent({ value: utf8ToBytes(value), contentType: 'text/plain', timestampMicros: 1, idempotencyKey });
}

const MINE: ObjectVersion<Uint8Array> = { actor: 'a', counter: 1, body: body('x', 'i') };
const TWIN: ObjectVersion<Uint8Array> = { actor: 'b', counter: 1, body: body('x', 'i') };
const RIVAL: ObjectVersion<Uint8Array> = { actor: 'c', counter: 1, body: body('y') };
const OTHER: ObjectVersion<Uint8Array> = { actor: '0', counter: 1, body: body('z', 'i') };
const MEMORY: MadeWrite = { actor: 'a', counter: 1, digest: digestOf(MINE.body) };

interface Case {
  readonly ask: Partial<Condition>;
  readonly there?: readonly ObjectVersion<Uint8Array>[];
  /** If they differ from what is there. */
  readonly shown?: readonly ObjectVersion<Uint8Array>[];
  /** Dots that were overwritten. */
  readonly gone?: readonly ObjectVersion<Uint8Array>[];
  readonly remembered?: readonly MadeWrite[];
  readonly value?: Uint8Array | undefined;
  readonly token?: CausalContext;
}

function outcome({ ask, there = [], shown = there, gone = [], remembered = [], ...rest }: Case): string {
  const condition = { ifMatch: undefined, ifNoneMatch: undefined, idempotencyKey: undefined, ...ask };
  const object = { versions: there, context: CausalContext.ofDots([...there, ...gone]) };
  const value = 'value' in rest ? rest.value : MINE.body;
  try {
    const decision: Decision = decide(
      { condition, body: value, token: rest.token },
      { object, visible: shown, remembered },
    );
    if (decision.kind === 'write') return `write ${decision.token.toString()}`;
    return `repeat ${decision.made.actor}`;
  } catch (error) {
    return error instanceof MecError ? error.code : String(error);
  }
}

const create = { ifNoneMatch: '*' } as const;
const once = { idempotencyKey: 'i' } as const;
const REFUSED = 'precondition-failed';

const TABLE: readonly [string, Case, string][] = [
  ['a create of nothing', { ask: create }, 'write {}'],
  ['a create after a delete has seen it', { ask: create, gone: [RIVAL] }, 'write {c:1}'],
  ['a create of something', { ask: create, there: [RIVAL] }, REFUSED],
  ['what is hidden is not there', { ask: create, there: [RIVAL], shown: [] }, 'write {c:1}'],
  ['a match replaces what it matched', { ask: { ifMatch: [etagOf([RIVAL])] }, there: [RIVAL] }, 'write {c:1}'],
  ['a match of something else', { ask: { ifMatch: [etagOf([MINE])] }, there: [RIVAL] }, REFUSED],
  ['a first write with a key has seen nothing', { ask: once, there: [RIVAL] }, 'write {}'],
  ['its repeat', { ask: once, there: [MINE] }, 'repeat a'],
  ['its repeat next to a rival', { ask: once, there: [MINE, RIVAL] }, 'repeat a'],
  ['its repeat once it was overwritten', { ask: once, gone: [MINE], remembered: [MEMORY] }, 'repeat a'],
  ['a memory whose dot the majority does not know', { ask: once, remembered: [MEMORY] }, 'write {}'],
  ['of twins, one is repeated', { ask: once, there: [MINE, TWIN] }, 'repeat a'],
  ['another value under the key', { ask: once, there: [{ ...MINE, body: body('z', 'i') }] }, 'idempotency-key-reused'],
  [
    'another value under the key that is remembered',
    { ask: once, gone: [MINE], remembered: [{ ...MEMORY, digest: 'f' }] },
    'idempotency-key-reused',
  ],
  ['its repeat next to another value under the key', { ask: once, there: [OTHER, MINE] }, 'repeat a'],
  [
    'its repeat once it was overwritten, next to another value under the key',
    { ask: once, there: [OTHER], gone: [MINE], remembered: [MEMORY] },
    'repeat a',
  ],
  [
    'its repeat with a condition next to another value under the key, which may have won',
    { ask: { ...create, ...once }, there: [OTHER, MINE] },
    REFUSED,
  ],
  ['a create with a key', { ask: { ...create, ...once } }, 'write {}'],
  ['its repeat, if it has won', { ask: { ...create, ...once }, there: [MINE] }, 'repeat a'],
  ['its repeat next to its twin', { ask: { ...create, ...once }, there: [MINE, TWIN] }, 'repeat a'],
  ['its repeat next to a rival, which may have won', { ask: { ...create, ...once }, there: [MINE, RIVAL] }, REFUSED],
  [
    'its repeat next to a rival that the policy hides',
    { ask: { ...create, ...once }, there: [MINE, RIVAL], shown: [MINE] },
    REFUSED,
  ],
  ['its repeat once it is hidden', { ask: { ...create, ...once }, there: [MINE], shown: [] }, REFUSED],
  [
    'its repeat once it was overwritten, also if there is nothing now',
    { ask: { ...create, ...once }, gone: [MINE], remembered: [MEMORY] },
    REFUSED,
  ],
  ['a delete of nothing', { ask: { ifNoneMatch: ['"x"'] }, value: undefined }, 'not-found'],
  ['a delete without a token removes what is there', { ask: once, there: [RIVAL], value: undefined }, 'write {c:1}'],
];

for (const [name, given, expected] of TABLE) test(name, () => assert.equal(outcome(given), expected));
