/** The bounds of the versions and of the context of one key. */
import { MecError } from '../../base/errors.ts';
import { MAX_OBJECT_BYTES } from '../../base/limits.ts';
import type { CausalContext } from '../../core/causality/causal-context.ts';
import { MAX_OBJECT_RANGES, MAX_SIBLINGS } from '../limits.ts';
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

/**
 * Throws `bad-vclock` if a token makes the context of a key too large. The dot of the write itself
 * adds one range at most, and is never refused.
 */
export function assertContextSize(before: CausalContext, after: CausalContext): void {
  const count = after.rangeCount;
  if (count <= MAX_OBJECT_RANGES || count <= before.rangeCount + 1) return;
  throw new MecError('bad-vclock', {
    parameter: 'X-Mec-Vclock',
    detail: 'The token names too many writes that no node knows; read the key again',
  });
}
