/**
 * A cache that servers share. Each has a memory before the cluster, so it asks the cluster only for
 * values that it lacks. A value that one server has made, the other need not make again.
 *
 * Run it: npm run build && node dist/examples/rate-cache.js
 * Prints:
 *   asked the bank for EUR
 *   server 1: 1.17 dollars
 *   server 2: 1.17 dollars
 *   asked the bank for EUR
 *   server 2, after a change: 1.17 dollars
 */
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { startCluster } from 'mec-db';
import { KeyvStore } from 'mec-db/keyv';

const cluster = await startCluster();

/** The cache of one server: a second in its memory, a minute in the cluster. */
function cacheOf(url: string | undefined): ReturnType<typeof createCache> {
  const shared = new Keyv({ store: new KeyvStore(url ?? ''), namespace: 'rates', ttl: 60_000 });
  return createCache({ stores: [new Keyv({ ttl: 1_000 }), shared] });
}

const [one, two] = [cacheOf(cluster.urls[0]), cacheOf(cluster.urls[1])];

async function askBank(): Promise<number> {
  console.log('asked the bank for EUR');
  return 1.17;
}

console.log(`server 1: ${await one.wrap('EUR', askBank)} dollars`);
console.log(`server 2: ${await two.wrap('EUR', askBank)} dollars`);

await two.del('EUR');
console.log(`server 2, after a change: ${await two.wrap('EUR', askBank)} dollars`);

await cluster.close();
