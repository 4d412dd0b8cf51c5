/**
 * Makes a failing run smaller: leaves out faults, then operations, as long as it still fails in the
 * same way (delta debugging: Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing
 * Input", 2002). Every fault and every operation has its own dice. So leaving one out changes only
 * its consequences.
 */
import { type SimOptions, type SimResult, type SimSubset, simulate } from './run.ts';

/** The smallest failing run that was found. */
export interface Shrunk {
  readonly result: SimResult;
  readonly only: SimSubset;
  /** The number of runs that it took. */
  readonly runs: number;
}

const MAX_RUNS = 500;

/** Faults come first, because the remaining ones explain most. */
const ORDER: readonly (keyof SimSubset)[] = ['faults', 'operations', 'faults'];

/** Shrinks a failed run until no more can be left out, or `isOver` returns true. */
export async function shrink(
  failed: SimResult,
  options: SimOptions,
  isOver: () => boolean,
): Promise<Shrunk> {
  const kinds = new Set(failed.violations.map(kindOf));
  let best = { result: failed, only: subsetOf(failed) };
  let runs = 0;
  const fails = async (only: SimSubset): Promise<boolean> => {
    runs += 1;
    const result = await simulate({ ...options, isBrief: true, only });
    const isFailure = result.violations.some((text) => kinds.has(kindOf(text)));
    if (isFailure) best = { result, only: subsetOf(result) };
    return isFailure;
  };
  for (const part of ORDER) {
    for (
      let size = best.only[part].length;
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let from = 0; from < best.only[part].length;) {
        if (runs >= MAX_RUNS || isOver()) return { ...best, runs };
        const left = best.only[part].filter((_, i) => i < from || i >= from + size);
        // If the run still fails without these, the next ones have moved to their place.
        if (!(await fails({ ...best.only, [part]: left }))) from += size;
      }
    }
  }
  return { ...best, runs };
}

function subsetOf({ faults, operations }: SimResult): SimSubset {
  return {
    faults: faults.map(({ index }) => index),
    operations: operations.map(({ index }) => index),
  };
}

/** Returns the text of a violation without its names and numbers. */
function kindOf(violation: string): string {
  return (violation.split('\n')[0] ?? '').replaceAll(/\S*\d\S*/g, '#');
}
