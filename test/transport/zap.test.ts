/** The answers to the questions of ZeroMQ: only a key that is accepted gets a 200. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ZAP_DOMAIN, zapAnswer } from '../../src/transport/zap.ts';

const KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
const GOOD = ['1.0', '7', ZAP_DOMAIN, '127.0.0.1', '', 'CURVE', KEY];

const answerTo = (
  question: readonly (string | Uint8Array)[],
  accepted = KEY.toString('hex'),
): string[] =>
  zapAnswer(
    question.map((part) => Buffer.from(part as string)),
    (key) => key === accepted,
  ).map((part) => Buffer.from(part as string).toString());

test('an accepted key gets a 200, with the id of the question', () => {
  assert.deepEqual(answerTo(GOOD), ['1.0', '7', '200', 'OK', '', '']);
});

test('all else gets a 400', () => {
  const changed = (at: number, part: string | Uint8Array): (string | Uint8Array)[] =>
    GOOD.map((known, i) => (i === at ? part : known));
  const questions = {
    'another version': changed(0, '1.1'),
    'no domain': changed(2, ''),
    'another domain': changed(2, 'global'),
    'no mechanism': changed(5, 'NULL'),
    'a password': [...changed(5, 'PLAIN').slice(0, 6), 'admin', 'secret'],
    'another key': changed(6, Buffer.alloc(32)),
    'half a key': changed(6, KEY.subarray(16)),
    'one part more': [...GOOD, ''],
    'no key': GOOD.slice(0, 6),
    nothing: [],
  };
  for (const [name, question] of Object.entries(questions))
    assert.equal(answerTo(question)[2], '400', name);
});
