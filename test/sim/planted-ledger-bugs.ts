/** Planted bugs of identities: runs of `ledger-run.ts` must catch them. */
import type { Bug } from './planted-draws.ts';

const EXCHANGE = 'src/cluster/membership/ledger-exchange.js';
const RECORD = 'src/core/security/ledger-record.js';

/** The rules of the ledger. */
export const LEDGER: readonly Bug[] = [
  {
    name: 'a revocation is acknowledged without a majority',
    file: EXCHANGE,
    good: 'if (count < need)',
    bad: 'if (false)',
    isOfLedger: true,
  },
  {
    name: 'nodes whose ledgers differ do not exchange them',
    file: EXCHANGE,
    good: 'else if (!this.#asked.has(from))',
    bad: 'else if (false)',
    isOfLedger: true,
  },
  {
    name: 'a record of the ledger is acknowledged before it is durable',
    file: EXCHANGE,
    good: 'ledger.merge(records, this.nowMicros);\n        await this.#keep();\n        const isSame',
    bad: 'ledger.merge(records, this.nowMicros);\n        const isSame',
    also: [
      {
        file: EXCHANGE,
        good: 'ledger.merge(records, this.nowMicros);\n        await this.#keep();\n        const present',
        bad: 'ledger.merge(records, this.nowMicros);\n        const present',
      },
      { file: EXCHANGE, good: 'if (ledger.size > 0)', bad: 'if (false)' },
    ],
    isOfLedger: true,
  },
  {
    name: 'a newer version of a record takes a revocation back',
    file: RECORD,
    good: 'const isRevoked = a.isRevoked || b.isRevoked;',
    bad: 'const isRevoked = newer.isRevoked;',
    also: [
      // Otherwise a revocation always has the newest version.
      {
        file: 'src/core/security/ledger-change.js',
        good: 'version: known.version + 1, isRevoked: true',
        bad: 'version: known.version, isRevoked: true',
      },
    ],
    isOfLedger: true,
  },
  {
    name: 'two changes of one version are joined instead of cut',
    file: RECORD,
    good: 'const rights = rightsOfBoth(a.rights, b.rights);',
    bad: 'const rights = normalRights([...a.rights, ...b.rights]);',
    isOfLedger: true,
  },
  {
    name: 'only one of the keys of a node is revoked',
    file: 'src/core/security/ledger-change.js',
    good: 'return keys.map((key) => revokedKey(key, nowMicros));',
    bad: 'return keys.slice(0, 1).map((key) => revokedKey(key, nowMicros));',
    isOfLedger: true,
  },
  {
    name: 'a lost line opens a secured node',
    file: 'src/cluster/membership/start-refusal.js',
    good: 'if (!hasKeys(mode) && isOff !== true && store.keptLedger.length > 0)',
    bad: 'if (false)',
    isOfLedger: true,
  },
];
