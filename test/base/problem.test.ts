/** Tests of errors as answers: the fact whether a write may have taken effect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError, nothingWritten } from '../../src/base/errors.ts';
import { errorOf, toFailedReply } from '../../src/cluster/holders/failed-reply.ts';
import { failure } from '../../src/http/problem.ts';

function toldOf(method: string, error: MecError): unknown {
  const { body } = failure(method, error);
  const document = JSON.parse(Buffer.from(body ?? []).toString()) as Record<string, unknown>;
  return document['mayTakeEffect'];
}

test('the error of a write says whether the write may have taken effect', () => {
  assert.equal(toldOf('PUT', new MecError('timeout')), true);
  assert.equal(toldOf('DELETE', new MecError('precondition-failed')), false);
  assert.equal(toldOf('POST', new MecError('stopping', nothingWritten('It stops.'))), false);
});

test('the error of a read says nothing about a write', () => {
  assert.equal(toldOf('GET', new MecError('timeout')), undefined);
  assert.equal(toldOf('HEAD', new MecError('stopping', nothingWritten('It stops.'))), undefined);
});

test('a node that forwards a write passes on that nothing was written', () => {
  const told = errorOf(toFailedReply(new MecError('not-ready', nothingWritten('It joins.'))));
  assert.equal(toldOf('PUT', told), false);
  assert.equal(toldOf('PUT', errorOf(toFailedReply(new MecError('not-ready')))), true);
});
