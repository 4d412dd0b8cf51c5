/**
 * The smallest program: put, get, and the merge of two values that were written at the same time.
 *
 * Run it: npm run build && node dist/examples/hello.js
 * Prints:
 *   one value: Hello
 *   two values: Hej, Ciao
 *   merged: Hej and Ciao
 */
import { startCluster } from 'mec-db';
import { MecClient } from 'mec-db/client';

// Three nodes in this process. For a cluster that runs already, give the client its URLs.
const cluster = await startCluster();
const client = new MecClient<string>(cluster.urls);

await client.put('greeting', 'Hello');
const first = await client.get('greeting');
if (first.kind === 'value') console.log(`one value: ${first.value}`);

// Two people have read the same value, and both replace it: neither has seen the other's.
await client.put('greeting', 'Ciao', { token: first.token });
await client.put('greeting', 'Hej', { token: first.token });

const second = await client.get('greeting');
if (second.kind === 'siblings') {
  const values = second.siblings.map(({ value }) => value);
  console.log(`two values: ${values.join(', ')}`);
  // The token covers both values, so this write replaces both.
  await client.put('greeting', values.join(' and '), { token: second.token });
}

const third = await client.get('greeting');
if (third.kind === 'value') console.log(`merged: ${third.value}`);

await cluster.close();
