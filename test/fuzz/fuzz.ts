/** `npm run fuzz`: sends drawn and damaged frames to a cluster of three real nodes. */
import { parseArgs } from 'node:util';
import { MIB } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/system.ts';
import { fuzz } from './run.ts';

const USAGE = `Usage: npm run fuzz -- [OPTION...]

  --minutes N  how long (default 1)
  --seed N     draws the same frames again (default: drawn)`;

const MINUTE_MS = 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(systemRandom.uint32()) },
    help: { type: 'boolean', default: false },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (values.help || !(minutes > 0) || !Number.isInteger(seed)) {
  console.error(USAGE);
  process.exit(values.help ? 0 : 2);
}

const ends: (() => unknown)[] = [];
const after = (end?: unknown): void => void ends.unshift(end as () => unknown);
console.log(`seed ${seed}`);
const report = await fuzz(
  { after },
  {
    seed,
    ms: minutes * MINUTE_MS,
    onRound: (frames) => process.stdout.isTTY && process.stdout.write(`\r${frames} frames`),
  },
).finally(async () => {
  for (const end of ends) await end();
});
const { frames, messages, replies, garbage, longestWorkMs, pings, rssBytes, logChars, faults } =
  report;
console.log(
  `${frames} frames with ${messages} messages, ${garbage} dropped; replies: ` +
    `${[...replies].map(([kind, count]) => `${count} ${kind}`).join(', ')}; longest work ` +
    `${longestWorkMs} ms in ${pings} pings, ${Math.round(rssBytes / MIB)} MiB, log ${logChars} characters`,
);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
