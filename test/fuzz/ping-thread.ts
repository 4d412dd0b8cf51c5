/**
 * The thread that pings one node. The thread of the fuzzer is busy for seconds at a time. Here, the
 * work before a ping is read at the moment at which the ping is sent.
 */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { pause } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import type { PingedNode, PingReport } from './pings.ts';

const TICK_MS = 10;
const PAUSE_MS = 20;

/**
 * The time of the processor that a process or thread has used, in ms (proc(5)); undefined if there
 * is no such file. The time of a clock would count what other processes of a busy machine do.
 */
function workMsOf(task: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${task}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return undefined;
  }
}

/** The time of a process, as the node tells it in an answer. */
async function toldWorkMsOf(url: string): Promise<number | undefined> {
  const metrics = await send(`${url}/metrics`, { timeoutMs: 60_000 }).catch(() => undefined);
  const [, seconds] = /^process_cpu_seconds_total (\S+)$/m.exec(metrics?.text ?? '') ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

const { url, pid } = workerData as PingedNode;
const report: PingReport = { longestWorkMs: 0, answers: 0 };
const stopped = new AbortController();
parentPort?.once('message', () => stopped.abort());
const all = String(pid);
const main = `${pid}/task/${pid}`;
while (!stopped.signal.aborted) {
  const before = { all: workMsOf(all), main: workMsOf(main) };
  const told = await toldWorkMsOf(url);
  const after = workMsOf(main);
  if (before.all !== undefined && told !== undefined) {
    // Both are at least the work of the main thread before the answer: that of all threads when it
    // was made, and that of the main thread when it is read here.
    const work = Math.min(told - before.all, (after ?? Infinity) - (before.main ?? 0));
    report.longestWorkMs = Math.max(report.longestWorkMs, Math.round(work));
    report.answers += 1;
  }
  await pause(PAUSE_MS);
}
// A worker thread has no origin, unlike a window.
const tell = parentPort?.postMessage.bind(parentPort);
tell?.(report);
