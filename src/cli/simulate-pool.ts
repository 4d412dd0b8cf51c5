/** Runs many seeds on several threads. */
import { Worker } from 'node:worker_threads';
import type { SimOptions, SimResult } from '../sim/run.ts';

/** Which seeds to run, and on how many threads. */
export interface PoolOptions {
  readonly first: number;
  readonly count: number;
  readonly threads: number;
  readonly given: Omit<SimOptions, 'seed'>;
}

type WorkerAnswer = { readonly result: SimResult } | { readonly error: unknown };

/** Calls back with the result of every seed, as they come; rejects with the first thing that is thrown. */
export async function runSeeds(options: PoolOptions, onResult: (result: SimResult) => void): Promise<void> {
  const { first, count, threads, given } = options;
  const workers = Array.from({ length: Math.min(threads, count) }, () => {
    return new Worker(new URL('./simulate-worker.js', import.meta.url), { workerData: given });
  });
  let next = first;
  const drive = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const goOn = (): void => {
        if (next >= first + count) return resolve();
        // Not a window: there is no origin to name.
        const send = worker.postMessage.bind(worker);
        send(next++);
      };
      worker.on('message', (answer: WorkerAnswer) => {
        if ('error' in answer) return reject(answer.error);
        onResult(answer.result);
        goOn();
      });
      worker.on('error', reject);
      goOn();
    });
  try {
    await Promise.all(workers.map(drive));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
