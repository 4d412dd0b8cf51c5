/** Finds out for how long nodes are too busy to answer. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { TestNode } from '../fixtures/cluster.ts';

/** The node that a thread pings. */
export type PingedNode = Pick<TestNode, 'url' | 'pid'>;

/** The results of pings. */
export interface PingReport {
  /** The longest work of a node between a ping and the answer, in ms of its processor. */
  longestWorkMs: number;
  /** The pings whose answers told of work. */
  answers: number;
}

/** Pings nodes until it is stopped, each from a thread of its own. */
export class Pings {
  readonly #threads: readonly Worker[];

  constructor(nodes: readonly TestNode[]) {
    this.#threads = nodes.map(
      ({ url, pid }) =>
        new Worker(new URL('ping-thread.js', import.meta.url), { workerData: { url, pid } }),
    );
  }

  /** Ends the pings. Resolves with their results when none is on its way. */
  async stop(): Promise<PingReport> {
    const reports = await Promise.all(
      this.#threads.map(async (thread) => {
        // A worker thread has no origin, unlike a window.
        const stop = thread.postMessage.bind(thread);
        stop('stop');
        const [report] = (await once(thread, 'message')) as [PingReport];
        await thread.terminate();
        return report;
      }),
    );
    const works = reports.map(({ longestWorkMs }) => longestWorkMs);
    const answers = reports.reduce((sum, report) => sum + report.answers, 0);
    return { longestWorkMs: Math.max(...works), answers };
  }
}
