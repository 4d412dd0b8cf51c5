/** Keys with versions that no reader can be given: a broken node has written them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { ObjectVersion } from '../../src/core/causality/object.ts';
import { decodeToken, encodeToken } from '../../src/core/causality/token.ts';
import { packContent } from '../../src/core/value/content.ts';
import type { HttpAnswer, HttpRequest } from '../../src/http/exchange.ts';
import { type KeyRoutes, serveKey } from '../../src/http/key-routes.ts';
import { ManualClock, memoryLog, seededRandom } from '../fixtures/fake-env.ts';

const contentOf = (text: string, contentType = 'text/plain'): Uint8Array =>
  packContent({ value: Buffer.from(text), contentType, timestampMicros: 1 });

const GOOD = { actor: 'n1~one', counter: 1, body: contentOf('good') };
const ALSO_GOOD = { actor: 'n1~one', counter: 2, body: contentOf('also good') };
const NO_CONTENT = { actor: 'n2~one', counter: 1, body: Uint8Array.of(1, 2, 3) };
const FORGED_HEADER = {
  actor: 'n3~one',
  counter: 1,
  body: contentOf('bad', 'text/plain\r\nSet-Cookie: a=b'),
};

interface ReadOf {
  readonly answer: HttpAnswer;
  readonly token: CausalContext;
  readonly log: readonly string[];
}

async function readOf(versions: readonly ObjectVersion<Uint8Array>[]): Promise<ReadOf> {
  const log = memoryLog();
  const env = { clock: new ManualClock(), random: seededRandom(1), log };
  const result = { versions, token: CausalContext.ofDots(versions) };
  const tokens = { encode: encodeToken };
  const node = { config: { quorum: { n: 3 } }, tokens, get: async () => result };
  const request = { method: 'GET', path: '/mec/k', query: '', headers: {} };
  const answer = await serveKey(
    { env, node } as unknown as KeyRoutes,
    request as unknown as HttpRequest,
  );
  const token = decodeToken(answer.headers['X-Mec-Vclock'] ?? '', 'k').context;
  return { answer, token, log: log.lines };
}

const bodyOf = ({ body = new Uint8Array() }: HttpAnswer): string => Buffer.from(body).toString();

test('a version that cannot be read does not take its siblings with it', async () => {
  for (const bad of [NO_CONTENT, FORGED_HEADER]) {
    const one = await readOf([GOOD, bad]);
    assert.deepEqual([one.answer.status, bodyOf(one.answer)], [200, 'good']);
    assert.equal(one.answer.headers['Content-Type'], 'text/plain');
    assert.deepEqual(one.log, ['error version cannot be read']);
    const two = await readOf([GOOD, ALSO_GOOD, bad]);
    assert.deepEqual([two.answer.status, two.answer.headers['X-Mec-Siblings']], [300, '2']);
    assert.doesNotMatch(bodyOf(two.answer), /Set-Cookie/);
  }
});

test('a writer does not replace a version that it could not read', async () => {
  const { token } = await readOf([GOOD, NO_CONTENT]);
  assert.ok(token.has(GOOD.actor, GOOD.counter));
  assert.ok(!token.has(NO_CONTENT.actor, NO_CONTENT.counter));
});

test('a key of which no version can be read has an error, and a token that replaces them', async () => {
  const { answer, token, log } = await readOf([NO_CONTENT, FORGED_HEADER]);
  assert.equal(answer.status, 500);
  assert.match(bodyOf(answer), /No version of this key can be read/);
  assert.equal(log.length, 2);
  for (const { actor, counter } of [NO_CONTENT, FORGED_HEADER])
    assert.ok(token.has(actor, counter));
});
