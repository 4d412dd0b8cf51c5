/** Texts about runs of the simulator. */
import type { SimResult } from './run.ts';
import type { Shrunk } from './shrink.ts';

/** Describes a run in a few lines. */
export function reportOf(result: SimResult): string {
  const {
    seed,
    nodes,
    operations,
    acknowledged,
    faults,
    violations,
    virtualMs,
    healMs,
    events,
    digest,
  } = result;
  const counts = new Map<string, number>();
  for (const { name } of faults) counts.set(name, (counts.get(name) ?? 0) + 1);
  const list = [...counts]
    .map(([name, count]) => (count === 1 ? name : `${count} × ${name}`))
    .sort();
  return [
    `seed ${seed}: ${nodes} nodes, ${operations.length} operations, ${acknowledged} writes acknowledged`,
    `  faults: ${list.join(', ') || 'none'}`,
    `  ${seconds(virtualMs)} virtual seconds, ${events} events, at rest ${seconds(healMs)} s after the last fault`,
    `  digest ${digest.toString(16)}`,
    ...(violations.length === 0
      ? ['  nothing was lost, nothing came back, all owners are equal']
      : violations.map((text) => `  VIOLATED: ${text}`)),
    '',
  ].join('\n');
}

/** Describes the smallest run that fails, and how to repeat it. */
export function shrunkReportOf({ result, only, runs }: Shrunk, commit: string | undefined): string {
  const { seed, faults, operations, violations } = result;
  const parts = `--only-faults ${listOf(only.faults)} --only-operations ${listOf(only.operations)}`;
  const command = `mec simulate --seed ${seed} ${parts} --trace`;
  return [
    `seed ${seed}${commit === undefined ? '' : `, commit ${commit}`}, shrunk in ${runs} runs to:`,
    ...faults.map(({ index, name, atMs }) => `  fault ${index}, ${seconds(atMs)} s: ${name}`),
    ...operations.map(({ index, text }) => `  operation ${index}: ${text}`),
    ...violations.map((text) => `  VIOLATED: ${text}`),
    `  ${command}`,
    '',
  ].join('\n');
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/** Lists whole numbers in order, with ranges such as `3-7`. */
function listOf(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const n of numbers) {
    const last = runs[runs.length - 1];
    if (last?.[1] === n - 1) last[1] = n;
    else runs.push([n, n]);
  }
  return (
    runs.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',') || 'none'
  );
}
