/**
 * Ten clients count at the same time. With "read, add one, write", most of their steps would be
 * lost. A counter that merges keeps all of them.
 *
 * Run it: npm run build && node dist/examples/counter.js
 * Prints:
 *   10 clients, 10 steps each
 *   counted: 100
 *   after 30 steps back: 70
 */
import { startCluster } from 'mec-db';
import { MecClient } from 'mec-db/client';
import { plusMinusCounter as counter, type PlusMinusCounter } from 'mec-db/merge';

const cluster = await startCluster();
const clients = Array.from(
  { length: 10 },
  () => new MecClient<PlusMinusCounter>(cluster.urls, { deadlineMs: 60_000 }),
);
const { merge } = counter;

console.log('10 clients, 10 steps each');
const steps = clients.flatMap((client) =>
  Array.from({ length: 10 }, () =>
    client.update('visits', (count, by) => counter.add(count, by), { merge }),
  ),
);
await Promise.all(steps);

const [client] = clients;
const counted = await client?.update('visits', (count) => count, { merge });
console.log(`counted: ${counter.value(counted?.value)}`);

const less = await client?.update('visits', (count, by) => counter.add(count, by, -30), { merge });
console.log(`after 30 steps back: ${counter.value(less?.value)}`);

await cluster.close();
