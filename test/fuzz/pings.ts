/** Finds out for how long nodes are too busy to answer. */
import { readFile } from 'node:fs/promises';
import { pause, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';

const TICK_MS = 10;

/**
 * The time of the processor that a process has used, in ms (proc(5)); undefined if there is no such
 * file. The time of a clock would count what other processes of a busy machine do.
 */
async function workMsOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/**
 * The same time as the node tells it in an answer. The fuzzer may be slow to read that, and the
 * work of the node goes on meanwhile.
 */
async function toldWorkMsOf(node: TestNode): Promise<number | undefined> {
  const metrics = await send(`${node.url}/metrics`, { timeoutMs: 60_000 }).catch(() => undefined);
  const [, seconds] = /^process_cpu_seconds_total (\S+)$/m.exec(metrics?.text ?? '') ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

/** Pings nodes until it is stopped. */
export class Pings {
  /** The longest work of a node between a ping and the answer, in ms. */
  longestWorkMs = 0;
  /** The pings whose answers told of work. */
  answers = 0;
  #isOn = true;
  readonly #done: Promise<unknown>;

  constructor(nodes: readonly TestNode[]) {
    this.#done = Promise.all(nodes.map((node) => this.#run(node)));
  }

  async #run(node: TestNode): Promise<void> {
    while (this.#isOn && node.ending === undefined) {
      const before = await workMsOf(node.pid);
      const after = await toldWorkMsOf(node);
      if (before !== undefined && after !== undefined) {
        this.longestWorkMs = Math.max(this.longestWorkMs, Math.round(after - before));
        this.answers += 1;
      }
      await pause(20);
    }
  }

  /** Resolves when no ping is on its way. */
  stop(): Promise<unknown> {
    this.#isOn = false;
    return this.#done;
  }
}
