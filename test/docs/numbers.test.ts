/** The numbers in README and on the pages of `docs` are those of the source. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KIB, MIB } from '../../src/base/bytes.ts';
import { MAC_BYTES } from '../../src/base/mac.ts';
import { LOG_REPEAT_MS, MAX_OBJECT_BYTES } from '../../src/base/limits.ts';
import { DEV_DEFAULT_NODES, DEV_LOAD_PER_SECOND } from '../../src/cli/limits.ts';
import {
  CERTIFICATE_WARNING_DAYS,
  MASTER_KEY_COMMAND_MS,
  MAX_MIGRATION_DAYS,
  NODE_LIFE_MICROS,
} from '../../src/embed/limits.ts';
import {
  CLIENT_ATTEMPT_MS,
  CLIENT_DEADLINE_MS,
  CLIENT_REFUSED_MS,
  MAX_ANSWER_BYTES,
  MAX_SESSION_KEYS,
} from '../../src/client/limits.ts';
import {
  BEGIN_WAIT_MS,
  CLOCK_SAMPLE_RTT_MS,
  CLOCK_TOLERANCE_MS,
  DEFAULT_MAX_VALUE_BYTES,
  DEFAULT_N,
  DEFAULT_TIMEOUT_MS,
  HEARTBEAT_MS,
  PENDING_COMPARES,
  PROBES_PER_BEAT,
  QUOTA_ROUND_MS,
  REFUSED_MS,
  STRANGER_PROBE_MS,
  SUSPECT_AFTER_MS,
  SYNC_LIMITS,
  UNREACHABLE_AFTER_MS,
} from '../../src/cluster/limits.ts';
import { MAX_VALUE_BYTES } from '../../src/config/limits.ts';
import {
  IDEMPOTENCY_MS,
  MAX_KEY_BYTES,
  MAX_LIST_KEYS,
  MAX_MEMBERS,
  MAX_MEMORIES,
  MAX_TIMEOUT_MS,
  MAX_TTL_SECONDS,
  MAX_LEDGER_RECORDS,
  MAX_TOKEN_KEYS,
  RECOVERY_MICROS,
  REVOKED_KEY_MICROS,
  TOKEN_LIFE_MICROS,
  PARTITIONS,
  PLACEMENT_CAP,
  TOKEN_KEY_MICROS,
} from '../../src/core/limits.ts';
import { quorumSize } from '../../src/core/quorum/quorum.ts';
import {
  JWKS_FRESH_MS,
  JWT_KEEP_MS,
  JWT_TOLERANCE_S,
  MAX_BATCH_ANSWER_BYTES,
  MAX_BATCH_BYTES,
  MAX_BATCH_OPERATIONS,
  MAX_HEADER_BYTES,
  MAX_HTTP_ANSWER_BYTES,
  MAX_HTTP_BODY_BYTES,
  MAX_META_BYTES,
  MAX_NONCES,
  NONCE_MS,
  SHARE_OF_SIGNER,
  SIGNATURE_AGE_S,
  SIGNATURE_LEAD_S,
} from '../../src/http/limits.ts';
import { MAX_NODES } from '../../src/sim/membership-faults.ts';
import { drawPlan } from '../../src/sim/plan.ts';
import { Dice } from '../../src/sim/world.ts';
import {
  COUNT_SWEEP_BYTES,
  MAX_SIBLINGS,
  RESEAL_PAGE_BYTES,
  RESEAL_PAGE_ROWS,
  RESEAL_PAGES,
} from '../../src/storage/limits.ts';
import {
  HISTORY_MS,
  MAX_DRAWN_CHARS,
  MAX_DRAWN_NODES,
  MAX_DRAWN_VALUES,
  MAX_READ_BYTES,
  POLL_MS,
} from '../../src/ui/page/limits.ts';
import { MAX_STRANGER_BYTES } from '../../src/transport/limits.ts';
import { readPages } from './page.ts';

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const word = (number: number): string => WORDS[number] ?? String(number);
/** A number with a space between thousands. */
const spaced = (number: number): string => String(number).replace(/(?<=\d)(?=(\d{3})+$)/g, ' ');
const seconds = (ms: number): string => `${ms / 1_000} s`;
const YEAR_SECONDS = 365 * 86_400;

/** An amount as text: "a second", or "two seconds". */
const amount = (number: number, unit: string): string =>
  number === 1 ? `a ${unit}` : `${word(number)} ${unit}s`;

const manifest = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { engines: { node: string } };
const [, FLOOR_OF_20 = '?', FLOOR = '?'] =
  /^\^(\d+\.\d+)\.0 \|\| >=(\d+\.\d+)\.0$/.exec(manifest.engines.node) ?? [];
const NODE_JS = `Node.js ${FLOOR_OF_20}, ${FLOOR} or newer`;
const MAX_VALUE = `${MAX_VALUE_BYTES / MIB} MiB`;
const TOKEN_KEY_DAYS = TOKEN_KEY_MICROS / 86_400e6;
const MAJORITY = quorumSize('quorum', DEFAULT_N);
const TOLERANCE = amount(CLOCK_TOLERANCE_MS / 1_000, 'second');

/** About the records that are rewritten in a second. */
const RESEALED_ROWS = 1_000 * Math.round((RESEAL_PAGES * RESEAL_PAGE_ROWS) / 1_000);
/** The numbers of nodes with which runs of the simulator begin. */
const DRAWN = Array.from({ length: 200 }, (_, seed) => drawPlan(new Dice(seed), {}).nodes);

/** Passages with a number, by page. Line breaks count as spaces, and links have no targets. */
const STATED: Readonly<Record<string, readonly string[]>> = {
  'README.md': [
    `MecDB needs ${NODE_JS}, and no other service.`,
    `By default these are ${DEFAULT_N}, ${MAJORITY} and ${MAJORITY}.`,
    `The limit is ${DEFAULT_MAX_VALUE_BYTES / MIB} MiB by default and ${MAX_VALUE} at most.`,
    `this starts a cluster: ${word(DEV_DEFAULT_NODES)} nodes, ${word(DEV_DEFAULT_NODES)} processes.`,
  ],
  'docs/client.md': [
    `(\`pageKeys\`, ${MAX_LIST_KEYS} by default)`,
    `until the deadline (${seconds(CLIENT_DEADLINE_MS)}, of which ${seconds(CLIENT_ATTEMPT_MS)} at one node)`,
    `Answers have a limit of ${MAX_ANSWER_BYTES / MIB} MiB.`,
    `refuses the connection, it gives up after ${seconds(CLIENT_REFUSED_MS)}`,
    `remembers that for the ${spaced(MAX_SESSION_KEYS)} keys that it used last`,
  ],
  'docs/command-line.md': [
    `| \`--nodes N\` | ${DEV_DEFAULT_NODES}, or`,
    `starts a load of ${DEV_LOAD_PER_SECOND} requests a second`,
  ],
  'docs/concepts.md': [
    `one of ${PARTITIONS} *partitions*`,
    `The default is n = ${DEFAULT_N} and a majority for both`,
    `No node owns more than ${PLACEMENT_CAP} times its share`,
    `About once ${amount(SYNC_LIMITS.intervalMs / 1_000, 'second')} a node compares its clocks`,
    `one wrong clock changes it by ${TOLERANCE} at most`,
  ],
  'docs/dashboard.md': [
    `It asks its node once ${amount(POLL_MS / 1_000, 'second')}`,
    `for the last ${amount(HISTORY_MS / 60_000, 'minute')}`,
    `draws the first ${MAX_DRAWN_VALUES} values of a key, and ${spaced(MAX_DRAWN_CHARS)} characters of each`,
    `It reads at most ${MAX_READ_BYTES / 1e6} MB of one answer`,
    `for up to ${MAX_DRAWN_NODES} nodes`,
  ],
  'docs/faq.md': [
    `${word(DEFAULT_N)}, for \`n = ${DEFAULT_N}\``,
    `There are ${PARTITIONS} partitions, and a member list has at most ${MAX_MEMBERS} members.`,
    `begins with ${word(Math.min(...DRAWN))} to ${word(Math.max(...DRAWN))} nodes`,
    `and adds some, up to ${word(MAX_NODES)}.`,
    `a difference of more than ${TOLERANCE} is logged`,
  ],
  'docs/glossary.md': [
    `one of ${PARTITIONS} parts of the key space`,
    `at most one of each of the ${PARTITIONS} partitions`,
  ],
  'docs/http.md': [
    `A key is 1 to ${MAX_KEY_BYTES} bytes of percent-encoded UTF-8`,
    `bodies and answers (${MAX_HTTP_BODY_BYTES / MIB} and ${MAX_HTTP_ANSWER_BYTES / MIB} MiB)`,
    `Each token counts for at least ${TOKEN_KEY_DAYS} days.`,
    `A key has at most ${MAX_SIBLINGS} siblings;`,
    `remember the write for at least ${amount(IDEMPOTENCY_MS / 60_000, 'minute')}`,
    `the latest ${MAX_MEMORIES} of each of the ${PARTITIONS} partitions`,
    `does up to ${MAX_BATCH_OPERATIONS} operations in one request`,
    `have more than ${MAX_BATCH_ANSWER_BYTES / MIB} MiB, further reads`,
    `up to ${amount(MAX_TTL_SECONDS / YEAR_SECONDS, 'year')}.`,
    `clock is more than ${seconds(CLOCK_TOLERANCE_MS)} off uses their time`,
    `of their clocks are ${seconds(CLOCK_TOLERANCE_MS)} past its expiry`,
    `clocks are more than ${seconds(CLOCK_TOLERANCE_MS)} apart log it`,
    `a clock from an answer within ${seconds(CLOCK_SAMPLE_RTT_MS)}`,
    `\`?limit=\` (up to ${MAX_LIST_KEYS})`,
    `milliseconds, 1 to ${spaced(MAX_TIMEOUT_MS)}; \`quorum.timeout\` by default, ${seconds(DEFAULT_TIMEOUT_MS)} |`,
    `silent for ${seconds(SUSPECT_AFTER_MS)} is suspect`,
    `After ${seconds(UNREACHABLE_AFTER_MS)} it is unreachable`,
  ],
  'docs/modelling.md': [`${MAX_VALUE} is the end`],
  'docs/operations.md': [
    `Each node needs ${NODE_JS}`,
    `after ${amount(BEGIN_WAIT_MS / 1_000, 'second')}, a majority begins without them`,
    `at ${SYNC_LIMITS.pendingBytesPerSecond / MIB} MiB a second or less`,
    `one more second for every ${word(PENDING_COMPARES)} nodes`,
    `| \`peers[].clockSkewMs\` | more than ${CLOCK_TOLERANCE_MS} either way`,
    `probes ${word(PROBES_PER_BEAT)} others every ${HEARTBEAT_MS === 250 ? 'quarter of a second' : '?'}`,
    `is suspect after ${seconds(SUSPECT_AFTER_MS)} and unreachable after ${seconds(UNREACHABLE_AFTER_MS)}`,
    `and then tries the address every ${seconds(STRANGER_PROBE_MS)}`,
    `and ends with 2 after ${amount(REFUSED_MS / 1_000, 'second')}`,
    `A line that comes again within ${amount(LOG_REPEAT_MS / 1_000, 'second')} is counted`,
  ],
  'docs/security.md': [
    `HMAC-SHA256, cut to ${8 * MAC_BYTES} bits`,
    `At most ${MAX_TOKEN_KEYS} keys count at a time`,
    `Every ${seconds(QUOTA_ROUND_MS)} nodes tell each other`,
    `up to ${COUNT_SWEEP_BYTES / MIB} MiB a second`,
    `A new key is drawn after ${TOKEN_KEY_DAYS} days, and the old one counts for ${TOKEN_KEY_DAYS} days more`,
    `costs a node no more than ${MAX_STRANGER_BYTES / KIB} KiB`,
    `an administrator for ${RECOVERY_MICROS / 60e6} minutes`,
    `Revoked keys stay on record for ${REVOKED_KEY_MICROS / 86_400e6} days`,
    `Tokens end after ${TOKEN_LIFE_MICROS / 86_400e6} days`,
    `after ${MAX_MIGRATION_DAYS} days it`,
    `certificate ends after ${NODE_LIFE_MICROS / 86_400e6} days`,
    `warns from ${CERTIFICATE_WARNING_DAYS} days before its end`,
    `The clocks may differ by ${JWT_TOLERANCE_S} s`,
    `keys again after ${JWKS_FRESH_MS / 60_000} minutes`,
    `may be ${SIGNATURE_AGE_S} s ago, and ${SIGNATURE_LEAD_S} s ahead`,
    `again, for ${SIGNATURE_LEAD_S} s`,
    `sent to that one again, for ${SIGNATURE_AGE_S} s`,
    `remembers ${MAX_NONCES * SHARE_OF_SIGNER} requests of a key for ${NONCE_MS / 60_000} minutes`,
    `A check counts for ${JWT_KEEP_MS / 1_000} s`,
    `has ${MASTER_KEY_COMMAND_MS / 1_000} seconds at each start`,
    `${RESEALED_ROWS} records or ${(RESEAL_PAGES * RESEAL_PAGE_BYTES) / MIB} MiB a second`,
  ],
  'docs/overwrite.md': [
    `decided by clocks, to about ${TOLERANCE}`,
    `of two writes within ${TOLERANCE}, at two nodes`,
  ],
  'docs/promises.md': [
    `takes at most ${amount(SYNC_LIMITS.confirmMs / 1_000, 'second')} after a start`,
    `in the background, about a page ${amount(SYNC_LIMITS.scrubMs / 1_000, 'second')}`,
  ],
  'docs/troubleshooting.md': [
    `is older than ${SIGNATURE_AGE_S} s`,
    `makes an administrator for ${RECOVERY_MICROS / 60e6} minutes`,
    `keeps at most ${MAX_LEDGER_RECORDS} identities`,
    `more than ${MAX_BATCH_OPERATIONS} operations or ${MAX_BATCH_BYTES / MIB} MiB,`,
    `or its answers more than ${MAX_BATCH_ANSWER_BYTES / MIB} MiB`,
    `The key has ${MAX_SIBLINGS} values, or they have ${MAX_OBJECT_BYTES / MIB} MiB together`,
    `more than ${MAX_KEY_BYTES} bytes of UTF-8`,
    `more than ${MAX_HEADER_BYTES / KIB} KiB, or \`X-Mec-Meta-*\` more than ${MAX_META_BYTES / KIB} KiB`,
    `is unreachable after ${seconds(UNREACHABLE_AFTER_MS)}`,
  ],
};

/** Passages with an amount that another test compares, or that is no claim about the source. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  'docs/README.md': ['it takes ten minutes and has the pictures'],
  'docs/client.md': [
    'has less than 0.6 MB', // test/package.test.ts
    'Each example has fewer than 64 lines', // test/examples.test.ts
  ],
  'docs/command-line.md': ['does the same for ten minutes to real processes'],
  'docs/faq.md': ['has ten,'], // test/sim/membership.test.ts
  'docs/http.md': ['two versions of one second would be joined'],
  // test/sim/membership.test.ts, test/cluster/insight/health.test.ts
  'docs/operations.md': ['agree on it within 6 s', 'a fault of any node within ten seconds'],
  'docs/promises.md': ['(a second or two)'],
};

/** A row of the tables of limits and of keys, which reference.test.ts compares with the source. */
const COMPARED_ROW = /^\| (?:[a-z, -]+(?:64 KiB)?|`[A-Za-z.-]+`(?:, `[A-Za-z-]+`)?) \|.*$/gm;

/** A page without its blocks of code, on one line, with links as their texts. */
const proseOf = (text: string): string =>
  text
    .replaceAll(/^```[^]*?^```$/gm, '')
    .replaceAll(/\]\([^)]*\)/g, ']')
    .replaceAll(/\s+/g, ' ');

const AMOUNT = new RegExp(
  `\\b(?:\\d[\\d .]*|(?:${WORDS.slice(1).join('|')}) )(?:ms|s|B|KiB|MiB|MB|bytes|lines|` +
    'seconds?|minutes?|hours?|days?|years?|partitions|members)\\b',
  'gi',
);

/** Passages that a page should have and does not, and amounts in none of its passages. */
function differences(path: string, text: string): string[] {
  const prose = proseOf(text);
  const isThere = (passage: string): boolean => prose.toLowerCase().includes(passage.toLowerCase());
  const passages = [...(STATED[path] ?? []), ...(ELSEWHERE[path] ?? [])];
  const missing = passages.filter((passage) => !isThere(passage));
  const rest = passages.reduce(
    (left, passage) => left.replaceAll(passage, ''),
    proseOf(text.replaceAll(COMPARED_ROW, '')),
  );
  return [...missing, ...[...rest.matchAll(AMOUNT)].map(([found]) => found)];
}

test('each number on a page is that of the source', () => {
  const pages = readPages();
  assert.deepEqual(
    pages.flatMap(({ path, text }) => differences(path, text).map((found) => `${path}: ${found}`)),
    [],
  );
  const paths = pages.map(({ path }) => path);
  assert.deepEqual(
    Object.keys({ ...STATED, ...ELSEWHERE }).filter((path) => !paths.includes(path)),
    [],
  );
});

test('a number that the page has wrong is found, and one that no passage states', () => {
  const text = readPages().find(({ path }) => path === 'docs/modelling.md')?.text ?? '';
  assert.deepEqual(differences('docs/modelling.md', text.replace('16 MiB', '8 MiB')), [
    '16 MiB is the end',
    '8 MiB',
  ]);
  assert.deepEqual(differences('docs/modelling.md', `${text} It takes five seconds.`), [
    'five seconds',
  ]);
});
