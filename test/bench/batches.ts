/**
 * Compares `setMany` and `getMany` with as many single requests, and lists and counts the keys:
 * `node dist/test/bench/batches.js URL[,URL…]` on a running cluster. Prints the median time of 1000
 * keys of 100 bytes, in ms.
 */
import { bytes, MecClient } from '../../src/client/index.ts';

const KEYS = 1_000;
const VALUE_BYTES = 100;
const CONNECTIONS = 64;
const ROUNDS = 7;

const patient = { deadlineMs: 60_000, attemptMs: 60_000 };
const urls = (process.argv[2] ?? 'http://127.0.0.1:3000').split(',');
const client = new MecClient(urls, { codec: bytes, ...patient });
const keys = Array.from({ length: KEYS }, (_, i) => `batches/${i}`);
const value = new Uint8Array(VALUE_BYTES).fill(120);

/** Calls `work` for each key, for `CONNECTIONS` keys at a time. */
async function each(work: (key: string) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < KEYS) await work(keys[next++] as string);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

const RUNS = {
  setMany: () => client.setMany(keys.map((key) => [key, value] as const)),
  set: () => each((key) => client.set(key, value)),
  getMany: () => client.getMany(keys),
  get: () => each((key) => client.get(key)),
  list: () => client.list({ prefix: 'batches/', pageKeys: KEYS }).next(),
  count: () => client.count({ prefix: 'batches/' }),
} as const;

const timesByName = new Map<string, number[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(RUNS)) {
    const startMs = performance.now();
    await run();
    const times = timesByName.get(name) ?? [];
    timesByName.set(name, [...times, performance.now() - startMs]);
  }
}
for (const [name, times] of timesByName) {
  const median = times.sort((a, b) => a - b)[ROUNDS >> 1] as number;
  process.stdout.write(`${name.padEnd(8)} ${median.toFixed(0).padStart(6)} ms\n`);
}
