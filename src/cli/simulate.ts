/**
 * The command `mec simulate`: whole clusters in one process and in virtual time, under every kind
 * of fault.
 */
import { availableParallelism } from 'node:os';
import { systemClock, systemRandom } from '../base/system.ts';
import { FAULTS } from '../sim/faults.ts';
import { reportOf, shrunkReportOf } from '../sim/report.ts';
import { type SimOptions, type SimResult, simulate } from '../sim/run.ts';
import { shrink } from '../sim/shrink.ts';
import { runSeeds } from './simulate-pool.ts';
import { print, remark } from './terminal.ts';
import { readCommit } from '../embed/version.ts';

/** The options of a simulation. The seed decides everything else. */
export interface SimulateOptions {
  readonly seed?: number;
  /** The number of seeds, from `seed` on. */
  readonly seeds: number;
  readonly nodes?: number;
  readonly operations: number;
  readonly faults?: string;
  /** Also draws the events that the cluster is known not to withstand yet. */
  readonly pending?: boolean;
  readonly onlyFaults?: readonly number[];
  readonly onlyOperations?: readonly number[];
  /** The time to search for a smaller run that also fails, in s. */
  readonly shrink: number;
  readonly trace?: boolean;
}

/** Failing seeds that are shrunk. If more fail, these few are enough to start with. */
const SHRUNK_SEEDS = 3;

/**
 * Runs the seeds. Resolves with the exit code: 0 if all is well, 1 if a property was violated, 2 on
 * a usage error.
 */
export async function runSimulate(options: SimulateOptions): Promise<number> {
  const { seeds, nodes, operations, trace } = options;
  const faults = options.faults?.split(',').map((name) => name.trim());
  const unknown = faults?.find((name) => !Object.hasOwn(FAULTS, name));
  if (unknown !== undefined) {
    remark(`unknown fault "${unknown}"; the faults are ${Object.keys(FAULTS).join('; ')}`);
    return 2;
  }
  const first = options.seed ?? systemRandom.uint32();
  const startMs = systemClock.monotonicMs();
  const failed: SimResult[] = [];
  const simOptions = { nodes, operations, faults, isPendingDrawn: options.pending };
  const { onlyFaults, onlyOperations } = options;
  const only = {
    ...(onlyFaults && { faults: onlyFaults }),
    ...(onlyOperations && { operations: onlyOperations }),
  };
  const isPart = Object.keys(only).length > 0;
  const reportResult = (result: SimResult): void => {
    if (trace === true) void print(process.stdout, `${result.lines.join('\n')}\n`);
    if (seeds === 1 || result.violations.length > 0) void print(process.stdout, reportOf(result));
    if (result.violations.length > 0) failed.push(result);
  };
  const threads = trace === true ? 1 : availableParallelism();
  if (seeds === 1) reportResult(await simulate({ ...simOptions, seed: first, only }));
  else await runSeeds({ first, count: seeds, threads, simOptions }, reportResult);
  const seconds = (systemClock.monotonicMs() - startMs) / 1000;
  if (seeds > 1)
    await print(
      process.stdout,
      `${seeds} seeds from ${first}: ${failed.length} violated, ${seconds.toFixed(1)} s\n`,
    );
  if (!isPart)
    for (const each of failed.slice(0, SHRUNK_SEEDS))
      await reportShrunk(each, simOptions, options.shrink);
  return failed.length === 0 ? 0 : 1;
}

async function reportShrunk(
  result: SimResult,
  given: Omit<SimOptions, 'seed'>,
  shrinkSeconds: number,
): Promise<void> {
  if (shrinkSeconds === 0) return;
  const endMs = systemClock.monotonicMs() + shrinkSeconds * 1000;
  const isOver = (): boolean => systemClock.monotonicMs() > endMs;
  const shrunk = await shrink(result, { ...given, seed: result.seed }, isOver);
  await print(process.stdout, shrunkReportOf(shrunk, readCommit()));
}
