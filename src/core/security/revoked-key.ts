/** The end of a node's key. */
import { REVOKED_KEY_MICROS } from '../limits.ts';
import type { LedgerRecord } from './ledger-record.ts';

/** The record of a revoked key. A key that counts never ends, but this record does. */
export function revokedKey(known: LedgerRecord, nowMicros: number): LedgerRecord {
  const end = Math.floor(nowMicros + REVOKED_KEY_MICROS);
  const expiresMicros = known.expiresMicros === 0 ? end : Math.min(known.expiresMicros, end);
  return { ...known, version: known.version + 1, isRevoked: true, expiresMicros };
}
