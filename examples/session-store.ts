/**
 * Sessions that end by themselves: each is a value with a time to live, and each use begins that
 * time again. Of two concurrent uses the later one counts. For a session that is right: the other
 * one said nearly the same.
 *
 * Run it: npm run build && node dist/examples/session-store.js
 * Prints:
 *   signed in: ann, 1 page
 *   still there: ann, 2 pages
 *   after four seconds: signed out
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from 'mec-db';
import { MecClient } from 'mec-db/client';
import { type Register, register } from 'mec-db/merge';

interface Session {
  readonly user: string;
  readonly pages: number;
}

const cluster = await startCluster();
const sessions = new MecClient<Register<Session>>(cluster.urls);
const options = { merge: register.merge<Session>, ttlSeconds: 3 };

/** Notes a page, and lets the session live for another three seconds; undefined if it has ended. */
async function visit(id: string): Promise<Session | undefined> {
  const updated = await sessions.update(
    `session/${id}`,
    (state, by) =>
      state && register.set(state, { ...state.value, pages: state.value.pages + 1 }, by),
    options,
  );
  return updated?.value.value;
}

const id = 'a1b2c3';
const signIn = await sessions.update(
  `session/${id}`,
  (state, by) => register.set(state, { user: 'ann', pages: 1 }, by),
  options,
);
console.log(`signed in: ${signIn?.value.value.user}, ${signIn?.value.value.pages} page`);

const again = await visit(id);
console.log(`still there: ${again?.user}, ${again?.pages} pages`);

await sleep(4_000);
console.log(`after four seconds: ${(await visit(id))?.user ?? 'signed out'}`);

await cluster.close();
