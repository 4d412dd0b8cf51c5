/** Finds out for how long nodes are too busy to answer. */
import { readFile } from 'node:fs/promises';
import { pause, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';

const TICK_MS = 10;

/**
 * The time that the main thread of a process has used, in ms (proc(5)). The time of a clock would
 * count what other processes of a busy machine do. If there is no such file, it has to do.
 */
async function workMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/task/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return performance.now();
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Pings nodes until it is stopped. */
export class Pings {
  /** The longest work of a node between a ping and the answer, in ms. */
  longestWorkMs = 0;
  #isOn = true;
  readonly #done: Promise<unknown>;

  constructor(nodes: readonly TestNode[]) {
    this.#done = Promise.all(nodes.map((node) => this.#run(node)));
  }

  async #run(node: TestNode): Promise<void> {
    while (this.#isOn && node.ending === undefined) {
      const before = await workMsOf(node.pid);
      await send(`${node.url}/ping`, { timeoutMs: 60_000 }).catch(() => {});
      if (node.ending === undefined)
        this.longestWorkMs = Math.max(this.longestWorkMs, (await workMsOf(node.pid)) - before);
      await pause(20);
    }
  }

  /** Resolves when no ping is on its way. */
  stop(): Promise<unknown> {
    this.#isOn = false;
    return this.#done;
  }
}
