/** The tests of each set: `npm run test:fast`, `npm test` (fast and usual), `npm run test:long`. */

/** All sets, the quickest first. */
export const SETS = ['fast', 'usual', 'long'] as const;

/** The name of a set of tests. */
export type TestSet = (typeof SETS)[number];

/**
 * Modules that a fast test must not load, not even through its imports: each starts processes or
 * opens ports.
 */
export const NOT_IN_FAST_TESTS =
  /^(?:node:(?:child_process|cluster|dgram|http|http2|https|net|tls|worker_threads)|zeromq)$/;

/**
 * The tests that are not fast, by their path under `test`. A folder stands for its tests that start
 * a process or open a port. A slow test that does neither has an entry of its own.
 */
const NOT_FAST: Readonly<Record<string, readonly TestSet[]>> = {
  'adapters/': ['usual'],
  'bench/': ['long'],
  'build.test.ts': ['usual'],
  'chaos/': ['usual'],
  'cli/': ['usual'],
  'cli/dev-console.test.ts': ['long'],
  'cli/dev-page.test.ts': ['long'],
  'cli/dev.test.ts': ['long'],
  'cli/join.test.ts': ['long'],
  'cli/operator-commands.test.ts': ['long'],
  'cli/rekey.test.ts': ['long'],
  'cli/secrets.test.ts': ['long'],
  'cli/simulate.test.ts': ['long'],
  'client/batch.test.ts': ['usual'],
  'client/browser.test.ts': ['usual'],
  'client/client.test.ts': ['usual'],
  'client/credentials.test.ts': ['usual'],
  'client/delivery.test.ts': ['usual'],
  'client/odd-answers.test.ts': ['usual'],
  'client/options.test.ts': ['usual'],
  'client/schemas.test.ts': ['usual'],
  'client/soak.test.ts': ['long'],
  'client/types.test.ts': ['usual'],
  'cluster/address-change.test.ts': ['long'],
  'cluster/damage.test.ts': ['long'],
  'cluster/faults.test.ts': ['long'],
  'cluster/forged-members.test.ts': ['long'],
  'cluster/forged-requests.test.ts': ['long'],
  'cluster/forged-snapshot.test.ts': ['long'],
  'cluster/insight/health.test.ts': ['long'],
  'cluster/ipv6.test.ts': ['long'],
  'cluster/key-rotation.test.ts': ['long'],
  'cluster/keyless-memory.test.ts': ['usual'],
  'cluster/membership.test.ts': ['long'],
  'cluster/migrating.test.ts': ['long'],
  'cluster/network-hosts.test.ts': ['long'],
  'cluster/node-keys.test.ts': ['long'],
  'cluster/refused-starts.test.ts': ['long'],
  'cluster/rejoin.test.ts': ['long'],
  'cluster/repair.test.ts': ['long'],
  'cluster/rolling-restart.test.ts': ['long'],
  'cluster/sight.test.ts': ['long'],
  'cluster/strangers.test.ts': ['long'],
  'docs/monitoring.test.ts': ['usual'],
  'docs/pages.test.ts': ['usual', 'long'],
  'docs/status.test.ts': ['usual'],
  'embed/': ['usual'],
  'examples.test.ts': ['usual'],
  'fuzz/': ['long'],
  'http/': ['usual'],
  'http/abuse.test.ts': ['long'],
  'http/clients.test.ts': ['long'],
  'http/conditions.test.ts': ['long'],
  'http/foreign-pages.test.ts': ['long'],
  'http/fuzz.test.ts': ['usual', 'long'],
  'http/list.test.ts': ['usual', 'long'],
  'http/nodes-away.test.ts': ['long'],
  'http/robustness.test.ts': ['long'],
  'http/shares.test.ts': ['long'],
  'http/slow-clients.test.ts': ['long'],
  'http/ttl.test.ts': ['long'],
  'model/conditional-writes.test.ts': ['usual', 'long'],
  'model/owner-lists.test.ts': ['usual', 'long'],
  'model/plain-writes.test.ts': ['usual', 'long'],
  'package.test.ts': ['long'],
  'package/': ['long'],
  'sim/catch-up.test.ts': ['long'],
  'sim/changing-owners.test.ts': ['long'],
  'sim/closed-writes.test.ts': ['long'],
  'sim/completeness.test.ts': ['long'],
  'sim/conditional-writes.test.ts': ['usual'],
  'sim/conditions.test.ts': ['long'],
  'sim/configured-weight.test.ts': ['long'],
  'sim/farewell.test.ts': ['long'],
  'sim/filled-owners.test.ts': ['long'],
  'sim/floors.test.ts': ['long'],
  'sim/forged-tokens.test.ts': ['long'],
  'sim/forgetting.test.ts': ['long'],
  'sim/forgotten-newcomer.test.ts': ['long'],
  'sim/hidden-versions.test.ts': ['long'],
  'sim/joining-node-leaves.test.ts': ['long'],
  'sim/late-stores.test.ts': ['long'],
  'sim/leaving-fallbacks.test.ts': ['long'],
  'sim/ledger.test.ts': ['fast', 'long'],
  'sim/listing.test.ts': ['long'],
  'sim/log.test.ts': ['long'],
  'sim/lonely-node.test.ts': ['long'],
  'sim/many-nodes.test.ts': ['long'],
  'sim/membership.test.ts': ['long'],
  'sim/mending.test.ts': ['long'],
  'sim/merge.test.ts': ['long'],
  'sim/missed-ends.test.ts': ['long'],
  'sim/missed-owner.test.ts': ['long'],
  'sim/missed-pending.test.ts': ['long'],
  'sim/namesake.test.ts': ['long'],
  'sim/odd-tokens.test.ts': ['long'],
  'sim/predictions.test.ts': ['long'],
  'sim/protocol.test.ts': ['usual'],
  'sim/rejoin.test.ts': ['long'],
  'sim/removed.test.ts': ['long'],
  'sim/scenarios.test.ts': ['usual'],
  'sim/session.test.ts': ['long'],
  'sim/shrink.test.ts': ['long'],
  'sim/signed-tokens.test.ts': ['usual'],
  'sim/simulator.test.ts': ['usual', 'long'],
  'sim/strangers.test.ts': ['long'],
  'sim/unhandled-errors.test.ts': ['usual'],
  'sim/unheard-newcomer.test.ts': ['long'],
  'sim/waits.test.ts': ['long'],
  'sim/wall-clocks.test.ts': ['long'],
  'transport/curve.test.ts': ['usual'],
  'ui/browser.test.ts': ['long'],
  'ui/faults.test.ts': ['long'],
};

/** Whether the long set of tests runs. Some tests do more then. */
export const isLongRun = (): boolean => process.env['MEC_TESTS'] === 'long';

/** The sets of a test, by its path under `test`. */
export function setsOf(path: string): readonly TestSet[] {
  return NOT_FAST[path] ?? NOT_FAST[path.slice(0, path.indexOf('/') + 1)] ?? ['fast'];
}

/** The names in the table. */
export const NAMES = Object.keys(NOT_FAST);
