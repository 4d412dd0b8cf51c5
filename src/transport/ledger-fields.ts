/**
 * The fields of the ledger. A record has only a shape here: `core/security/ledger-record.ts` has
 * its grammar. One record that breaks it must not take the others of its message with it.
 */
import {
  MAX_KEY_BYTES,
  MAX_LEDGER_RIGHTS_CHARS,
  MAX_MERGED_LEDGER_RECORDS,
} from '../core/limits.ts';
import { flag, integer, list, omissible, text } from './field.ts';
import { MAX_NAME_CHARS } from './limits.ts';
import { record, rows } from './record.ts';

const name = text(MAX_NAME_CHARS);

/** The hash of a ledger. */
export const ledgerHash = name;

/** Records of a ledger. */
export const ledgerRecords = list(
  record({
    id: name,
    version: integer,
    isRevoked: flag,
    expiresMicros: integer,
    holder: name,
    hash: name,
    rights: rows({ prefix: text(MAX_KEY_BYTES), verbs: integer }, MAX_LEDGER_RIGHTS_CHARS),
    quotaBytes: omissible(integer),
  }),
  MAX_MERGED_LEDGER_RECORDS,
);
