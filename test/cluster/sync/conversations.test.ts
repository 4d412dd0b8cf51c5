/** Snapshots that a node serves: how many of them a peer may open. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CONVERSATIONS, SYNC_LIMITS } from '../../../src/cluster/limits.ts';
import { Conversations } from '../../../src/cluster/sync/conversations.ts';
import { makeStatement } from '../../../src/cluster/sync/statement.ts';
import type { SnapshotReply } from '../../../src/transport/message.ts';
import { completeReplicas, write } from '../../fixtures/own-replicas.ts';
import { LIFE } from '../../fixtures/played-peers.ts';

test('a peer that opens snapshots and takes none does not keep others from theirs', async () => {
  const replicas = await completeReplicas();
  await write(replicas);
  const { env, members } = replicas.node;
  const [replica, { partition }] = [replicas.replica(), replicas];
  const conversations = new Conversations({
    env,
    // A full page: the snapshot goes on with the next one.
    limits: { ...SYNC_LIMITS, pageDots: 1 },
    makeStatement: (own) => makeStatement({ members, life: LIFE }, own),
  });
  const ask = (from: string, id?: string, after?: string): Promise<SnapshotReply> =>
    conversations.serve(replica, {
      kind: 'snapshot',
      from,
      partition,
      id,
      after,
      isComplete: false,
    });
  let last: SnapshotReply | undefined;
  for (let i = 0; i < 2 * MAX_CONVERSATIONS; i++) last = await ask('n2');
  const other = await ask('n3');
  for (const [from, page] of [
    ['n2', last],
    ['n3', other],
  ] as const) {
    const rest = await ask(from, page?.id, page?.next);
    assert.deepEqual([rest.id, rest.next], [page?.id, undefined]);
  }
  conversations.end();
});
