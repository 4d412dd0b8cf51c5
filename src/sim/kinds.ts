/** Kinds of keys: the first letter says under which policy a key of a run lies. */
import type { Policy } from '../cluster/policies.ts';

const ORDINARY: Policy = {
  prefix: 'k',
  siblings: 'keep',
  ttlMs: undefined,
  r: undefined,
  w: undefined,
  maxValueBytes: undefined,
};

/** What the first letter of a key says of it: the policies of a run are of these. */
export const KINDS: readonly Policy[] = [
  ORDINARY,
  { ...ORDINARY, prefix: 'l', siblings: 'last-write-wins' },
  { ...ORDINARY, prefix: 't', ttlMs: 5_000 },
  { ...ORDINARY, prefix: 'u', siblings: 'last-write-wins', ttlMs: 7_000 },
  { ...ORDINARY, prefix: 'f', r: 'one', w: 'all' },
  { ...ORDINARY, prefix: 'g', r: 'all', w: 'one' },
];

/** The policy of a key of a run. */
export const kindOf = (key: string): Policy => KINDS.find(({ prefix }) => key.startsWith(prefix)) ?? ORDINARY;
