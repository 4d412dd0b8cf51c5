/** Runs a chain once, ends everything that it has started, and reports the result. */
import type { Chain, ChainContext, ChainResult } from './chain.ts';

const SHOWN = 8;

/** The inputs of a run: a seed, and the number of the run of this chain. */
export interface ChainRun {
  readonly seed: number;
  readonly run: number;
}

/**
 * Runs a function on a new context. Everything that it has started is then ended, the last first.
 */
export async function withContext<T>(
  seed: number,
  act: (context: ChainContext) => Promise<T>,
): Promise<T> {
  const ends: (() => unknown)[] = [];
  const startMs = performance.now();
  const say = (line: string): void =>
    console.log(`  ${((performance.now() - startMs) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
  try {
    return await act({ seed, say, after: (end) => void ends.push(end as () => unknown) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Runs a chain. Resolves with whether all promises held. */
export async function runChain(
  name: string,
  chain: Chain,
  { seed, run }: ChainRun,
): Promise<boolean> {
  const startMs = performance.now();
  console.log(`${name}, run ${run}, seed ${seed}: ${chain.about}`);
  const { wrong, figures } = await withContext(seed, chain.run).catch(
    (error: unknown): ChainResult => {
      const reason = error instanceof Error ? error.message : String(error);
      return { wrong: [`it did not come to its end: ${reason}`], figures: {} };
    },
  );
  for (const line of wrong.slice(0, SHOWN)) console.log(`  WRONG: ${line}`);
  if (wrong.length > SHOWN) console.log(`  … and ${wrong.length - SHOWN} more`);
  const verdict = wrong.length === 0 ? 'holds' : `FAILS in ${wrong.length} ways`;
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  console.log(`${name}, run ${run}: ${verdict} ${JSON.stringify(figures)} in ${seconds} s`);
  return wrong.length === 0;
}
