/** Keys to partitions: the top bits of the xxHash64 of the key's UTF-8 bytes. */
import { hashText64 } from '../../base/hash.ts';
import { PARTITIONS } from '../limits.ts';

const BITS = Math.log2(PARTITIONS);
const SHIFT = BigInt(64 - BITS);

let last = { key: '', partition: Number(hashText64('') >> SHIFT) };

/** The partition of a key: 0 … PARTITIONS − 1. */
export function partitionOf(key: string): number {
  // A request asks for that of its key several times.
  if (key !== last.key) last = { key, partition: Number(hashText64(key) >> SHIFT) };
  return last.partition;
}
