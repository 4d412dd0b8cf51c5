/** Tells the errors of a disk apart: damage, a full disk, a disk that fails. */
import { isDiskFull, MecError, messageOf } from '../base/errors.ts';

/** A row could be read, but its record does not match its checksum. */
export class DamagedRecord extends MecError {
  readonly row: string;

  constructor(row: string) {
    super('damaged', {}, new Error(`record ${JSON.stringify(row.slice(0, 80))} is damaged`));
    this.row = row;
  }
}

/** Whether an error reports damage. */
export function isDamage(error: unknown): error is MecError {
  return error instanceof MecError && error.code === 'damaged';
}

/** Converts an error of LevelDB into `damaged`, `disk-full` or `disk-failed`. */
export function toDiskError(error: unknown): MecError {
  const message = messageOf(error);
  if (/corruption|checksum|bad block|truncated/i.test(message))
    return new MecError('damaged', {}, error);
  return new MecError(isDiskFull(error) ? 'disk-full' : 'disk-failed', {}, error);
}
