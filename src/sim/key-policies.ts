/** Kinds of keys: the first letter of a key decides its policy. */
import type { Policy } from '../cluster/policies.ts';

const ORDINARY: Policy = {
  prefix: 'k',
  siblings: 'keep',
  ttlMs: undefined,
  r: undefined,
  w: undefined,
  maxValueBytes: undefined,
};

/** The policies by the first letters of their keys. */
export const KEY_POLICIES: readonly Policy[] = [
  ORDINARY,
  { ...ORDINARY, prefix: 'l', siblings: 'last-write-wins' },
  { ...ORDINARY, prefix: 't', ttlMs: 5_000 },
  { ...ORDINARY, prefix: 'u', siblings: 'last-write-wins', ttlMs: 7_000 },
  { ...ORDINARY, prefix: 'f', r: 'one', w: 'all' },
  { ...ORDINARY, prefix: 'g', r: 'all', w: 'one' },
];

/** Returns the policy of a key of a run. */
export const keyPolicyOf = (key: string): Policy =>
  KEY_POLICIES.find(({ prefix }) => key.startsWith(prefix)) ?? ORDINARY;
