/** `mec simulate`: a whole cluster in one process, in virtual time, while everything fails that can. */
import { systemClock, systemRandom } from '../../base/system.ts';
import { FAULTS } from '../../sim/faults.ts';
import { type SimResult, simulate } from '../../sim/run.ts';

/** What a user may choose; the rest is drawn from the seed. */
export interface SimulateOptions {
  readonly seed?: number;
  /** How many seeds, from the first. */
  readonly seeds: number;
  readonly nodes?: number;
  readonly operations: number;
  readonly faults?: string;
  readonly trace?: boolean;
}

/** Runs the seeds; resolves with the exit code: 0 all is well, 1 something was violated, 2 not understood. */
export async function runSimulate({ seed, seeds, nodes, operations, faults, trace }: SimulateOptions): Promise<number> {
  const kinds = faults?.split(',').map((name) => name.trim());
  const unknown = kinds?.find((name) => !Object.hasOwn(FAULTS, name));
  if (unknown !== undefined) {
    process.stderr.write(`mec: there is no fault "${unknown}"; there are ${Object.keys(FAULTS).join(', ')}\n`);
    return 2;
  }
  const first = seed ?? systemRandom.uint32();
  const startMs = systemClock.monotonicMs();
  let violated = 0;
  for (let each = first; each < first + seeds; each++) {
    const result = await simulate({ seed: each, nodes, operations, faults: kinds });
    if (trace === true) process.stdout.write(`${result.lines.join('\n')}\n`);
    if (result.violations.length > 0) violated += 1;
    if (seeds === 1 || result.violations.length > 0) process.stdout.write(report(result));
  }
  const seconds = (systemClock.monotonicMs() - startMs) / 1000;
  if (seeds > 1) process.stdout.write(`${seeds} seeds from ${first}: ${violated} violated, ${seconds.toFixed(1)} s\n`);
  return violated === 0 ? 0 : 1;
}

function report(result: SimResult): string {
  const { seed, nodes, operations, acknowledged, faults, violations, virtualMs, healMs, events, digest } = result;
  const counts = new Map<string, number>();
  for (const fault of faults) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  const list = [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`)).sort();
  return [
    `seed ${seed}: ${nodes} nodes, ${operations} writes, ${acknowledged} acknowledged`,
    `  faults: ${list.join(', ')}`,
    `  ${(virtualMs / 1000).toFixed(1)} virtual seconds, ${events} events, at rest ${(healMs / 1000).toFixed(1)} s after the last fault`,
    `  digest ${digest.toString(16)}`,
    ...(violations.length === 0
      ? ['  nothing was lost, nothing came back, all owners are equal']
      : violations.map((text) => `  VIOLATED: ${text}`)),
    '',
  ].join('\n');
}
