/** The decision on a conditional write, as a table of reported states. */
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
  return packContent({
    value: utf8ToBytes(value),
    contentType: 'text/plain',
    timestampMicros: 1,
    idempotencyKey,
  });
}

const MINE: ObjectVersion<Uint8Array> = { actor: 'a', counter: 1, body: body('x', 'i') };
const TWIN: ObjectVersion<Uint8Array> = { actor: 'b', counter: 1, body: body('x', 'i') };
const RIVAL: ObjectVersion<Uint8Array> = { actor: 'c', counter: 1, body: body('y') };
const OTHER: ObjectVersion<Uint8Array> = { actor: '0', counter: 1, body: body('z', 'i') };
const MEMORY: MadeWrite = { actor: 'a', counter: 1, digest: digestOf(MINE.body) };

interface Case {
  readonly ask: Partial<Condition>;
  readonly there?: readonly ObjectVersion<Uint8Array>[];
  /** By default all versions. */
  readonly shown?: readonly ObjectVersion<Uint8Array>[];
  /** Versions that were overwritten. */
  readonly gone?: readonly ObjectVersion<Uint8Array>[];
  readonly remembered?: readonly MadeWrite[];
  readonly value?: Uint8Array | undefined;
  readonly token?: CausalContext;
}

function outcome({
  ask,
  there = [],
  shown = there,
  gone = [],
  remembered = [],
  ...rest
}: Case): string {
  const condition = {
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    ...ask,
  };
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
  ['a create of an absent key is written', { ask: create }, 'write {}'],
  ['a create after a delete has seen the delete', { ask: create, gone: [RIVAL] }, 'write {c:1}'],
  ['a create of an existing key is refused', { ask: create, there: [RIVAL] }, REFUSED],
  ['a create ignores a hidden version', { ask: create, there: [RIVAL], shown: [] }, 'write {c:1}'],
  [
    'If-Match replaces the versions that it matched',
    { ask: { ifMatch: [etagOf([RIVAL])] }, there: [RIVAL] },
    'write {c:1}',
  ],
  [
    'If-Match with another tag is refused',
    { ask: { ifMatch: [etagOf([MINE])] }, there: [RIVAL] },
    REFUSED,
  ],
  [
    'a first write with an Idempotency-Key has seen no version',
    { ask: once, there: [RIVAL] },
    'write {}',
  ],
  ['a repeat of a stored write is acknowledged', { ask: once, there: [MINE] }, 'repeat a'],
  [
    'a repeat next to a concurrent write is acknowledged',
    { ask: once, there: [MINE, RIVAL] },
    'repeat a',
  ],
  [
    'a repeat of an overwritten write is acknowledged',
    { ask: once, gone: [MINE], remembered: [MEMORY] },
    'repeat a',
  ],
  [
    'a memory is ignored if the majority does not know its dot',
    { ask: once, remembered: [MEMORY] },
    'write {}',
  ],
  [
    'a repeat of a write that was stored twice names one of them',
    { ask: once, there: [MINE, TWIN] },
    'repeat a',
  ],
  [
    'another value under the Idempotency-Key is refused',
    { ask: once, there: [{ ...MINE, body: body('z', 'i') }] },
    'idempotency-key-reused',
  ],
  [
    'another value under a remembered Idempotency-Key is refused',
    { ask: once, gone: [MINE], remembered: [{ ...MEMORY, digest: 'f' }] },
    'idempotency-key-reused',
  ],
  [
    'a repeat next to another value under the Idempotency-Key is acknowledged',
    { ask: once, there: [OTHER, MINE] },
    'repeat a',
  ],
  [
    'a repeat of an overwritten write next to another value under the Idempotency-Key is acknowledged',
    { ask: once, there: [OTHER], gone: [MINE], remembered: [MEMORY] },
    'repeat a',
  ],
  [
    'a repeated create next to another value under the Idempotency-Key, which may have won, is refused',
    { ask: { ...create, ...once }, there: [OTHER, MINE] },
    REFUSED,
  ],
  ['a create with an Idempotency-Key is written', { ask: { ...create, ...once } }, 'write {}'],
  [
    'a repeated create that has won is acknowledged',
    { ask: { ...create, ...once }, there: [MINE] },
    'repeat a',
  ],
  [
    'a repeated create next to its copy is acknowledged',
    { ask: { ...create, ...once }, there: [MINE, TWIN] },
    'repeat a',
  ],
  [
    'a repeated create next to a concurrent write, which may have won, is refused',
    { ask: { ...create, ...once }, there: [MINE, RIVAL] },
    REFUSED,
  ],
  [
    'a repeated create next to a hidden concurrent write is refused',
    { ask: { ...create, ...once }, there: [MINE, RIVAL], shown: [MINE] },
    REFUSED,
  ],
  [
    'a repeated create that is hidden is refused',
    { ask: { ...create, ...once }, there: [MINE], shown: [] },
    REFUSED,
  ],
  [
    'a repeated create that was overwritten is refused, even if the key is now absent',
    { ask: { ...create, ...once }, gone: [MINE], remembered: [MEMORY] },
    REFUSED,
  ],
  [
    'a delete of an absent key is not-found',
    { ask: { ifNoneMatch: ['"x"'] }, value: undefined },
    'not-found',
  ],
  [
    'a delete without a token removes all versions',
    { ask: once, there: [RIVAL], value: undefined },
    'write {c:1}',
  ],
];

for (const [name, given, expected] of TABLE)
  test(name, () => assert.equal(outcome(given), expected));
