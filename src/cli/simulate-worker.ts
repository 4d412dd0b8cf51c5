/**
 * A worker thread of `mec simulate`. It receives seeds, one at a time, and answers each with the
 * result.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { type SimOptions, simulate } from '../sim/run.ts';

const port = parentPort;
assert(port !== null, 'this is a worker thread');
const given = workerData as Omit<SimOptions, 'seed'>;

port.on('message', (seed: number) => {
  void simulate({ ...given, seed }).then(
    (result) => port.postMessage({ result }),
    (error: unknown) => port.postMessage({ error }),
  );
});
