/**
 * Writes on a condition: of several that race to create a key one succeeds, and a value that has
 * changed is not replaced. Both need a majority of the key's owners.
 *
 * Run it: npm run build && node dist/examples/conditions.js
 * Prints:
 *   5 tried to create the seat: 1 has it
 *   replaced by the one that knew its tag
 *   refused: the tag is an old one (precondition-failed)
 */
import { startCluster } from 'mec-db';
import { ConflictError, MecClient } from 'mec-db/client';

const cluster = await startCluster();
const clients = ['ann', 'bob', 'cy', 'dee', 'eve'].map(
  (clientId) => new MecClient<string>(cluster.urls, { clientId, deadlineMs: 30_000 }),
);

/** Whether a write was made; false if its condition did not hold. Any other error is thrown. */
async function isMade(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConflictError && error.code === 'precondition-failed') return false;
    throw error;
  }
}

// `once` makes a retry safe: if an answer is lost, the write is not refused because of itself.
const tries = clients.map((client) =>
  isMade(client.put('seat/12a', 'taken', { ifMissing: true, once: true })),
);
const made = (await Promise.all(tries)).filter(Boolean);
console.log(`${tries.length} tried to create the seat: ${made.length} has it`);

const [ann, bob] = clients as [MecClient<string>, MecClient<string>];
const read = await ann.get('seat/12a');
if (read.kind !== 'value') throw new Error('the seat has one value');
const change = { ifMatch: read.etag, once: true };
if (await isMade(ann.put('seat/12a', 'paid', change)))
  console.log('replaced by the one that knew its tag');

try {
  await bob.put('seat/12a', 'cancelled', change);
} catch (error) {
  if (!(error instanceof ConflictError)) throw error;
  console.log(`refused: the tag is an old one (${error.code})`);
}

await cluster.close();
