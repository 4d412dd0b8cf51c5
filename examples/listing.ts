/**
 * Notes that belong to one user and end by themselves: listing by prefix, a hash tag that keeps
 * the keys of a user together, and a time to live.
 *
 * Run it: npm run build && node dist/examples/listing.js
 * Prints:
 *   ann has {ann}/note/1, {ann}/note/2, {ann}/note/3
 *   the first two: {ann}/note/1, {ann}/note/2
 *   a day later: {ann}/note/2, {ann}/note/3
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from 'mec-db';
import { MecClient, text } from 'mec-db/client';

/** A short day. */
const DAY_SECONDS = 3;

const cluster = await startCluster();
const notes = new MecClient<string>(cluster.urls, { codec: text, deadlineMs: 30_000 });

// The text in braces decides which nodes own a key, so a listing of it asks only those.
await notes.put('{ann}/note/1', 'call bob', { ttlSeconds: DAY_SECONDS });
await notes.put('{ann}/note/2', 'buy milk');
await notes.put('{ann}/note/3', 'water the plants', { meta: { by: 'ann' } });
await notes.put('{bob}/note/1', 'call ann');

/** The keys of a user, up to a limit. The listing fetches no page that the loop does not reach. */
async function keysOf(user: string, limit = Infinity): Promise<string> {
  const keys: string[] = [];
  for await (const key of notes.list({ prefix: `{${user}}/` })) {
    if (keys.push(key) >= limit) break;
  }
  return keys.join(', ');
}

console.log(`ann has ${await keysOf('ann')}`);
console.log(`the first two: ${await keysOf('ann', 2)}`);

await sleep(DAY_SECONDS * 1_000 + 500);
console.log(`a day later: ${await keysOf('ann')}`);

await cluster.close();
