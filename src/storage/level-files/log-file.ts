/**
 * LevelDB's log format (`doc/log_format.md`) of write-ahead logs and manifests: blocks of 32 KiB
 * with fragments of records.
 *
 * LevelDB silently drops a damaged fragment and the rest of its block. This reader reads on after
 * the fragment.
 */
import { ByteReader } from './byte-reader.ts';
import { findFlip, maskedCrc32c } from './crc32c.ts';

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** A record, or a part of one. */
export interface LogRecord {
  /** The offset of its first fragment. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Whether it matches its checksums, perhaps after bits were flipped back. */
  readonly isSound: boolean;
}

/** A bit of a file that must be flipped. */
export interface FileFlip {
  readonly offset: number;
  readonly mask: number;
}

/** The records of a log, and its damage. */
export interface LogFile {
  readonly flips: readonly FileFlip[];
  readonly records: readonly LogRecord[];
  /** Whether the log ends within a record, as after a loss of power. */
  readonly isTorn: boolean;
}

interface Fragment {
  readonly offset: number;
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly isSound: boolean;
  readonly isTorn: boolean;
  readonly flip?: FileFlip | undefined;
}

/** Reads all fragments of a log that can be read. */
export function readLog(file: Uint8Array): LogFile {
  const records: LogRecord[] = [];
  let open: Fragment[] = [];
  const flips: FileFlip[] = [];
  let isTorn = false;
  const end = (isWhole: boolean): void => {
    if (open.length === 0) return;
    const bytes = Buffer.concat(open.map((fragment) => fragment.bytes));
    const isSound = isWhole && open.every((fragment) => fragment.isSound);
    records.push({ offset: (open[0] as Fragment).offset, bytes, isSound });
    open = [];
  };
  for (const fragment of fragmentsOf(file)) {
    isTorn = fragment.isTorn;
    if (isTorn) break;
    if (fragment.flip !== undefined) flips.push(fragment.flip);
    const { type } = fragment;
    const isFirst = type === FULL || type === FIRST;
    if (isFirst) end(false);
    const isStray = !isFirst && open.length === 0;
    open.push(isStray ? { ...fragment, isSound: false } : fragment);
    if (type === FULL || type === LAST) end(true);
  }
  return { records, flips, isTorn: isTorn || open.length > 0 };
}

function* fragmentsOf(file: Uint8Array): Generator<Fragment> {
  for (let at = 0; at < file.length;) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    // The end of a block is empty if it is too short for a header.
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const header = new ByteReader(file, at);
    const sum = header.fixed(4);
    const size = header.fixed(2);
    const type = header.fixed(1);
    // A file may have zeros at its end: space that was allocated in advance.
    const isUnused = sum === 0 && size === 0 && type === 0;
    if (isUnused) {
      at += left;
      continue;
    }
    const isTorn = at + HEADER_BYTES + size > file.length;
    const doesFit = HEADER_BYTES + size <= left;
    const whole = doesFit && !isTorn ? soundFragment(file, at, { sum, size }) : undefined;
    const fragment = whole ?? mendSize(file, at, { sum, size });
    if (fragment !== undefined) {
      yield fragment;
      at += HEADER_BYTES + fragment.bytes.length;
      continue;
    }
    const bytes = file.subarray(at + HEADER_BYTES, at + (doesFit ? HEADER_BYTES + size : left));
    // A length beyond the end of the block shows a damaged header, and not the end of the file.
    yield { offset: at, type, bytes, isSound: false, isTorn: isTorn && doesFit };
    at += doesFit ? HEADER_BYTES + size : left;
  }
}

interface FragmentHeader {
  readonly sum: number;
  readonly size: number;
}

/** Returns a fragment that matches its checksum, perhaps after one bit was flipped. */
function soundFragment(
  file: Uint8Array,
  offset: number,
  { sum, size }: FragmentHeader,
): Fragment | undefined {
  const summed = file.subarray(offset + 6, offset + HEADER_BYTES + size);
  const sound = (bytes: Uint8Array, flip?: FileFlip): Fragment => {
    return {
      offset,
      type: bytes[0] as number,
      bytes: bytes.subarray(1),
      isSound: true,
      isTorn: false,
      flip,
    };
  };
  if (maskedCrc32c(summed) === sum) return sound(summed);
  const flip = findFlip(summed, sum);
  if (flip === undefined) return undefined;
  const { at, isOfSum, mask } = flip;
  const mended = Uint8Array.from(summed);
  if (!isOfSum) mended[at] = (mended[at] as number) ^ mask;
  return sound(mended, { offset: offset + (isOfSum ? at : 6 + at), mask });
}

/**
 * Returns a fragment whose length has one flipped bit. The checksum does not cover the length. The
 * right length is the one with which the fragment matches its checksum.
 */
function mendSize(
  file: Uint8Array,
  offset: number,
  { sum, size }: FragmentHeader,
): Fragment | undefined {
  const most = Math.min(file.length - offset, BLOCK_BYTES - (offset % BLOCK_BYTES)) - HEADER_BYTES;
  for (let bit = 0; bit < 16; bit++) {
    const other = size ^ (1 << bit);
    if (other > most) continue;
    const bytes = file.subarray(offset + 6, offset + HEADER_BYTES + other);
    if (maskedCrc32c(bytes) !== sum) continue;
    const flip = { offset: offset + 4 + (bit >> 3), mask: 1 << (bit & 7) };
    return {
      offset,
      type: bytes[0] as number,
      bytes: bytes.subarray(1),
      isSound: true,
      isTorn: false,
      flip,
    };
  }
  return undefined;
}

/** Reads the rows that a batch in a log record sets, up to the first that cannot be read. */
export function* rowsOfBatch({
  bytes,
}: LogRecord): Generator<readonly [row: string, value: Uint8Array]> {
  const reader = new ByteReader(bytes, 12);
  while (!reader.isAtEnd) {
    const isSet = reader.fixed(1) === 1;
    const row = reader.sized();
    const value = isSet ? reader.sized() : undefined;
    if (reader.isSpent) return;
    if (value !== undefined) yield [Buffer.from(row).toString('utf8'), value];
  }
}
