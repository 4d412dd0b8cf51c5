/**
 * Runs sets of tests: `node dist/test/run.js SET... [OPTION...]`. Options go to `node`, as in
 * `npm run test:fast -- --test-name-pattern=token`. `MEC_TESTS` tells the tests the last set.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SETS, setsOf } from './sets.ts';

const SOURCE = fileURLToPath(new URL('../../test/', import.meta.url));
const BUILT = fileURLToPath(new URL('.', import.meta.url));
/**
 * Tests wait as much as they compute. With fewer files at a time, two cores would idle. The long
 * ones start many processes each.
 */
const MIN_FILES_AT_A_TIME = { usual: 3, long: 2 };
const MINUTE_MS = 60_000;

const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('--'));
const sets = SETS.filter((set) => args.includes(set));
const strangers = args.filter((arg) => !options.includes(arg) && !SETS.some((set) => set === arg));
if (sets.length === 0 || strangers.length > 0) {
  console.error(
    `Usage: node dist/test/run.js ${SETS.join('|')}... [OPTION...], and not: ${args.join(' ')}`,
  );
  process.exit(2);
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && setsOf(path).some((set) => sets.includes(set)))
  .map((path) => `${BUILT}${path.replace(/ts$/, 'js')}`)
  .sort();
const isLong = sets.includes('long');
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    `--test-timeout=${(isLong ? 30 : 10) * MINUTE_MS}`,
    `--test-concurrency=${Math.max(MIN_FILES_AT_A_TIME[isLong ? 'long' : 'usual'], availableParallelism() - 1)}`,
    ...(options.some((option) => option.startsWith('--test-reporter'))
      ? []
      : ['--test-reporter=spec']),
    ...options,
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, MEC_TESTS: sets.at(-1) } },
);
process.exit(status ?? 1);
