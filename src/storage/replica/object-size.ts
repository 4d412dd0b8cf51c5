/** The bounds of the versions of one key. */
import { MecError } from '../../base/errors.ts';
import { MAX_OBJECT_BYTES } from '../../base/limits.ts';
import { MAX_SIBLINGS } from '../limits.ts';
import type { PackedVersion } from '../records.ts';

/** Throws `too-many-siblings` if a key would have too many versions, or too large ones. */
export function assertObjectSize(versions: readonly PackedVersion[]): void {
  const bytes = versions.reduce((sum, { body }) => sum + body.length, 0);
  if (versions.length > MAX_SIBLINGS)
    throw new MecError('too-many-siblings', { limit: MAX_SIBLINGS });
  if (versions.length > 1 && bytes > MAX_OBJECT_BYTES) {
    throw new MecError('too-many-siblings', {
      detail: `The versions of this key exceed ${MAX_OBJECT_BYTES} bytes; read it, and write one value`,
    });
  }
}
