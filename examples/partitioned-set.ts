/**
 * A set that people edit on both sides of a cut network. Each side goes on reading and writing;
 * when the network is whole again, both see all additions, and no removal is undone.
 *
 * Run it: npm run build && node dist/examples/partitioned-set.js
 * Prints:
 *   together: ada, bob
 *   the network is cut
 *   in Oslo: ada, cy
 *   in Rome: ada, bob, dee
 *   the network is whole again
 *   together: ada, cy, dee
 */
import { startCluster } from 'mec-db';
import { MecClient } from 'mec-db/client';
import { observedRemoveSet as set, type ObservedRemoveSet } from 'mec-db/merge';

// There are two nodes in each city. The three replicas of a key are on three of these four nodes,
// or on their fallbacks.
const cluster = await startCluster({ nodes: 4 });
const patient = { deadlineMs: 30_000 };
const oslo = new MecClient<ObservedRemoveSet>(cluster.urls.slice(0, 2), patient);
const rome = new MecClient<ObservedRemoveSet>(cluster.urls.slice(2), patient);
const { merge } = set;

type Change = Parameters<typeof oslo.update>[1];
const change = async (client: typeof oslo, edit: Change): Promise<string> => {
  const updated = await client.update('members', edit, { merge });
  return set.values(updated?.value).join(', ');
};

console.log(
  `together: ${await change(oslo, (members, by) => set.add(set.add(members, 'ada', by), 'bob', by))}`,
);

cluster.partition([0, 1], [2, 3]);
console.log('the network is cut');
const [inOslo, inRome] = await Promise.all([
  change(oslo, (members, by) => set.remove(set.add(members, 'cy', by), 'bob')),
  change(rome, (members, by) => set.add(members, 'dee', by)),
]);
console.log(`in Oslo: ${inOslo}`);
console.log(`in Rome: ${inRome}`);

cluster.heal();
await cluster.whole();
console.log('the network is whole again');
console.log(`together: ${await change(rome, (members) => members)}`);

await cluster.close();
