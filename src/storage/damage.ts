/** What can be wrong with a disk, told apart in one place. */
import { isDiskFull, MecError, messageOf } from '../base/errors.ts';

/** A record that is not as it was written, although its row could be read. */
export class DamagedRecord extends MecError {
  readonly row: string;

  constructor(row: string) {
    super('damaged', {}, new Error(`record ${JSON.stringify(row.slice(0, 80))} is damaged`));
    this.row = row;
  }
}

/** Whether something that was thrown tells of damage. */
export function isDamage(error: unknown): error is MecError {
  return error instanceof MecError && error.code === 'damaged';
}

/** An error of LevelDB: files that are not as they were written, a full disk, or a disk that fails. */
export function toDiskError(error: unknown): MecError {
  const message = messageOf(error);
  if (/corruption|checksum|bad block|truncated/i.test(message)) return new MecError('damaged', {}, error);
  return new MecError(isDiskFull(error) ? 'disk-full' : 'disk-failed', {}, error);
}
