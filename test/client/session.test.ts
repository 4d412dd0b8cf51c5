/** The session of a client: the keys that it remembers, and the headers that it sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecClient } from '../../src/client/client.ts';
import { bytes, text } from '../../src/client/codec.ts';
import { MAX_SESSION_KEYS } from '../../src/client/limits.ts';
import { Session } from '../../src/client/session.ts';
import type { FetchInit } from '../../src/client/world.ts';
import { systemClock } from '../../src/base/system.ts';
import { seededRandom } from '../fixtures/fake-env.ts';

test('a session remembers the keys that were used last, and forgets the others', () => {
  const session = new Session(seededRandom(1));
  session.noteWrite('first', 'a:1', undefined);
  session.noteWrite('second', 'a:2', undefined);
  for (let i = 2; i < MAX_SESSION_KEYS; i++) session.noteWrite(`k${i}`, 'a:3', undefined);
  assert.deepEqual(session.seen('first').dots, ['a:1']);
  session.noteWrite('first', 'a:4', undefined);
  session.noteWrite('one more', 'a:5', undefined);
  assert.deepEqual(session.seen('first').dots, ['a:1', 'a:4']);
  assert.deepEqual(session.seen('second').dots, []);
});

test('reads name the versions that the client has seen, unless monotonic is false', async () => {
  const sent: FetchInit['headers'][] = [];
  const client = new MecClient('http://n1', {
    codec: text,
    world: {
      clock: systemClock,
      random: seededRandom(1),
      fetch: async (_, { headers }) => {
        sent.push(headers);
        return {
          status: 200,
          headers: new Headers({ 'X-Mec-Dot': 'n1~a:1', 'X-Mec-Vclock': 'token', ETag: '"1"' }),
          body: new Response('value').body,
        };
      },
    },
  });
  await client.get('k');
  await client.get('k');
  await client.get('k', { monotonic: false });
  await client.with(bytes).get('k');
  assert.deepEqual(
    sent.map((headers) => headers['x-mec-seen']),
    [undefined, 'n1~a:1', undefined, 'n1~a:1'],
  );
});
