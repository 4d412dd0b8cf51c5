/** The output of a long run: a text for people, and files with everything. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunResult } from './run.ts';

const FOLDER = fileURLToPath(new URL('../../chaos', import.meta.url));
const SHOWN = 20;

const greatest = (numbers: readonly number[]): number => Math.max(0, ...numbers);

/** The result in a few lines. */
export function summaryOf(result: RunResult): string[] {
  const { seed, seconds, epochs, wrong, history, did, answers, restMs, logLines } = result;
  const faults = new Map<string, number>();
  for (const { what } of history) {
    const name = /^([a-z-]+), \d+ ms:/.exec(what)?.[1];
    if (name !== undefined) faults.set(name, (faults.get(name) ?? 0) + 1);
  }
  const counts = (each: Iterable<readonly [string, number]>): string =>
    [...each].map(([name, count]) => `${name} ${count}`).join(', ');
  return [
    `seed ${seed}, ${seconds} s of faults in ${epochs} epochs`,
    `faults: ${counts([...faults].sort(([a], [b]) => a.localeCompare(b)))}`,
    ...Object.entries(did).map(([name, parts]) => `${name}: ${counts(Object.entries(parts))}`),
    `answers: ${counts(Object.entries(answers))}`,
    `rest after faults: ${restMs.length} times, at most ${(greatest(restMs) / 1_000).toFixed(1)} s`,
    `log lines: ${counts(Object.entries(logLines))}`,
    ...wrong.slice(0, SHOWN).map((line) => `WRONG: ${line}`),
    ...(wrong.length > SHOWN ? [`… and ${wrong.length - SHOWN} more`] : []),
    wrong.length === 0 ? 'nothing is wrong' : `${wrong.length} violations`,
  ];
}

/** Writes the logs of nodes into a folder. Resolves with its path. */
export async function leaveLogs(logs: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  for (const [name, log] of Object.entries(logs)) await writeFile(join(FOLDER, `${name}.log`), log);
  return FOLDER;
}

/** Writes summary, result and logs into a folder. Resolves with its path. */
export async function leaveReport(result: RunResult): Promise<string> {
  const { logs, ...rest } = result;
  await leaveLogs(logs);
  await writeFile(join(FOLDER, 'report.txt'), `${summaryOf(result).join('\n')}\n`);
  await writeFile(join(FOLDER, 'report.json'), `${JSON.stringify(rest, null, 2)}\n`);
  return FOLDER;
}
