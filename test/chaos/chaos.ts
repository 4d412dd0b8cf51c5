/**
 * Chaos on real processes. Without options it runs ten minutes of every kind of fault, on five
 * nodes in network namespaces. With `--only NAME,…` it runs chains of events that once lost data.
 * README.md explains the faults and the results.
 */
import { parseArgs } from 'node:util';
import { ADDRESS_CHAINS } from './address-chains.ts';
import type { Chain } from './chain.ts';
import { DISK_CHAINS } from './disk-chains.ts';
import { FAULTS } from './faults.ts';
import { ODD_CHAINS } from './odd-chains.ts';
import { leaveReport, summaryOf } from './report.ts';
import { missingRequirement } from './requirements.ts';
import { runLong } from './run.ts';
import { runChain, withContext } from './run-chain.ts';

const USAGE = `Usage: npm run test:chaos -- [OPTION...]

  --seconds N      how long faults strike (default 600)
  --seed N         draws the same schedule of faults again (default: drawn)
  --faults NAME,.. only these faults, of ${Object.keys(FAULTS).join(', ')}
  --only NAME,...  chains of events instead, or "chains" for all of them
  --times N        each chain so many times (default 1)
  --list           prints the names of the chains`;

const CHAINS: Readonly<Record<string, Chain>> = {
  ...ADDRESS_CHAINS,
  ...DISK_CHAINS,
  ...ODD_CHAINS,
};

/**
 * A chain by name. Returns undefined and prints a line if there is none, or if the machine lacks a
 * requirement.
 */
async function runnable(name: string): Promise<Chain | undefined> {
  const chain = CHAINS[name];
  if (chain === undefined) {
    console.error(`There is no chain ${name}; --list prints what there is`);
    process.exitCode = 2;
    return undefined;
  }
  const missing = await missingRequirement(chain.needs);
  if (missing.length === 0) return chain;
  console.log(`${name} is skipped: ${missing.join('; ')}`);
  return undefined;
}

async function runChains(
  names: readonly string[],
  { times, seed }: { times: number; seed: number },
): Promise<void> {
  for (const name of names) {
    const chain = await runnable(name);
    if (chain === undefined) continue;
    for (let i = 0; i < times; i++) {
      if (!(await runChain(name, chain, { seed: seed + i, run: i + 1 }))) process.exitCode = 1;
    }
  }
}

async function runEverything(
  seconds: number,
  { seed, faults }: { seed: number; faults?: readonly string[] | undefined },
): Promise<void> {
  const missing = await missingRequirement(['hosts', 'volumes', 'faketime']);
  if (missing.length > 0) return console.log(`chaos is skipped: ${missing.join('; ')}`);
  const result = await withContext(seed, (context) => runLong(context, { seconds, faults }));
  console.log(summaryOf(result).join('\n'));
  console.log(`all of it: ${await leaveReport(result)}`);
  if (result.wrong.length > 0) process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      faults: { type: 'string' },
      only: { type: 'string' },
      times: { type: 'string', default: '1' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  if (values.list)
    return console.log(
      Object.entries(CHAINS)
        .map(([name, { about }]) => `${name}  ${about}`)
        .join('\n'),
    );
  const seed = Number(values.seed);
  const names = values.only === 'chains' ? Object.keys(CHAINS) : values.only?.split(',');
  if (names !== undefined) await runChains(names, { times: Number(values.times), seed });
  else await runEverything(Number(values.seconds), { seed, faults: values.faults?.split(',') });
}

await main();
