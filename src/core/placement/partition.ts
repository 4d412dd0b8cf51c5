/**
 * Keys to partitions: the top bits of the xxHash64 of the UTF-8 bytes of the key, or of its hash
 * tag. Keys with the same tag have the same owners. Source of tags: Redis Cluster Specification,
 * "Hash tags".
 */
import { hashText64 } from '../../base/hash.ts';
import { PARTITIONS } from '../limits.ts';

const BITS = Math.log2(PARTITIONS);
const SHIFT = BigInt(64 - BITS);

/**
 * The hash tag of a key: the text between its first `{` and the next `}`. Undefined if there is
 * none, or if it is empty. If a key has a tag, every key that begins with it has the same tag.
 */
export function hashTagOf(key: string): string | undefined {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

let last = { key: '', partition: Number(hashText64('') >> SHIFT) };

/** The partition of a key, 0 … `PARTITIONS` − 1. */
export function partitionOf(key: string): number {
  // A request asks for the partition of its key several times.
  if (key !== last.key)
    last = { key, partition: Number(hashText64(hashTagOf(key) ?? key) >> SHIFT) };
  return last.partition;
}

/**
 * The partitions that may have keys with this prefix: one if the prefix has a hash tag, else all.
 */
export function partitionsWith(prefix: string): readonly number[] {
  return hashTagOf(prefix) === undefined ? ALL : [partitionOf(prefix)];
}

const ALL: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition);
