/** Runs a chain once, with all that it has started ended afterwards, and says what it came to. */
import type { Chain, ChainResult } from './chain.ts';

const SHOWN = 8;

/** What a run is given: a seed, and which run of the chain it is. */
export interface ChainRun {
  readonly seed: number;
  readonly run: number;
}

/** Runs a chain; resolves with whether all was as promised. */
export async function runChain(name: string, chain: Chain, { seed, run }: ChainRun): Promise<boolean> {
  const ends: (() => unknown)[] = [];
  const startMs = performance.now();
  const seconds = (): string => ((performance.now() - startMs) / 1000).toFixed(1);
  const say = (line: string): void => console.log(`  ${seconds().padStart(6)} s  ${line}`);
  console.log(`${name}, run ${run}, seed ${seed}: ${chain.about}`);
  let result: ChainResult;
  try {
    result = await chain.run({ seed, say, after: (end) => void ends.push(end as () => unknown) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    result = { wrong: [`it did not come to its end: ${reason}`], figures: {} };
  } finally {
    // What was started last ends first.
    for (const end of ends.reverse()) await end();
  }
  const { wrong, figures } = result;
  for (const line of wrong.slice(0, SHOWN)) console.log(`  WRONG: ${line}`);
  if (wrong.length > SHOWN) console.log(`  … and ${wrong.length - SHOWN} more`);
  const verdict = wrong.length === 0 ? 'holds' : `FAILS in ${wrong.length} ways`;
  console.log(`${name}, run ${run}: ${verdict} ${JSON.stringify(figures)} in ${seconds()} s`);
  return wrong.length === 0;
}
