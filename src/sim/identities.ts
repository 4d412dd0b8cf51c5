/** The beginning of clusters with identities: their configuration, and a first administrator. */
import type { Config } from '../cluster/config.ts';
import { Ledger } from '../core/security/ledger.ts';
import { granted, issued } from '../core/security/ledger-change.ts';
import type { LedgerRecord } from '../core/security/ledger-record.ts';
import { ALL_VERBS } from '../core/security/verb.ts';
import { Dice, wallMicrosAt } from './world.ts';

const YEAR_MICROS = 365 * 86_400 * 1e6;
/** Longer than any cut: a cluster that is healed serves at once. */
const MAX_AGE_MS = 3_600_000;

/** The configuration of a node that needs a proof of each request. */
export const secured = (config: Config): Config => ({
  ...config,
  security: { ...config.security, mode: 'on', maxAgeMs: MAX_AGE_MS },
});

/** A first administrator, who can never be revoked by a run. */
export function firstAdministrator(): { readonly records: LedgerRecord[]; readonly token: string } {
  const ledger = new Ledger();
  const nowMicros = wallMicrosAt(0);
  ledger.merge([granted(ledger, { identity: 'root', prefix: '', verbs: ALL_VERBS })], nowMicros);
  const life = { holder: 'root', expiresMicros: nowMicros + YEAR_MICROS };
  const { record, text } = issued(ledger, life, new Dice(7));
  return { records: [...ledger.all, record], token: text.reveal() };
}
