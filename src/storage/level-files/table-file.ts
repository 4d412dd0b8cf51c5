/**
 * LevelDB's tables (`doc/table_format.md`): blocks of sorted rows, and an index. Each block has a
 * checksum, which LevelDB itself does not verify.
 */
import { ByteReader } from './byte-reader.ts';
import { findFlip, maskedCrc32c } from './crc32c.ts';
import type { FileFlip } from './log-file.ts';
import { userKey } from './manifest-file.ts';
import { unpackSnappy } from './snappy.ts';

const FOOTER_BYTES = 48;
/** The type of a block and its checksum, which follow it. */
const TRAILER_BYTES = 5;
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/** The place of a block in its file. */
export interface Extent {
  readonly offset: number;
  readonly size: number;
}

/** A block of rows between these two, as Latin-1. */
export interface DataBlock extends Extent {
  readonly first: string;
  readonly last: string;
}

/** The parts of a table. */
export interface TableParts {
  readonly blocks: readonly DataBlock[];
  /** Blocks that only save reads: the table can be read without them. */
  readonly spare: readonly (Extent & { readonly kind: 'metaindex' | 'filter' })[];
  /** Whether the index is sound. If not, `blocks` has only those that could be found. */
  readonly isSound: boolean;
}

/** Finds flipped bits of a table: at most one in each block and in the footer. */
export function flipsOfTable(original: Uint8Array): FileFlip[] {
  const file = Uint8Array.from(original);
  const flips: FileFlip[] = [];
  const mend = (flip: FileFlip | undefined): void => {
    if (flip === undefined) return;
    file[flip.offset] = (file[flip.offset] as number) ^ flip.mask;
    flips.push(flip);
  };
  mend(flipOfFooter(file));
  const footer = readFooter(file);
  if (footer === undefined) return flips;
  for (const block of [footer.index, footer.metaindex]) mend(flipOfBlock(file, block));
  for (const block of [...(readTable(file)?.blocks ?? []), ...(readTable(file)?.spare ?? [])])
    mend(flipOfBlock(file, block));
  return flips;
}

function flipOfBlock(file: Uint8Array, block: Extent): FileFlip | undefined {
  const end = block.offset + block.size + TRAILER_BYTES;
  if (end > file.length || isSound(file, block)) return undefined;
  const flip = findFlip(
    file.subarray(block.offset, end - 4),
    new ByteReader(file, end - 4).fixed(4),
  );
  return flip && { offset: (flip.isOfSum ? end - 4 : block.offset) + flip.at, mask: flip.mask };
}

/**
 * Finds a flipped bit of the footer. It has no checksum, but the blocks to which it points have.
 */
function flipOfFooter(file: Uint8Array): FileFlip | undefined {
  const isRight = (): boolean => {
    const footer = readFooter(file);
    return footer !== undefined && isSound(file, footer.index) && isSound(file, footer.metaindex);
  };
  if (file.length < FOOTER_BYTES || isRight()) return undefined;
  for (let bit = 0; bit < 8 * FOOTER_BYTES; bit++) {
    const offset = file.length - FOOTER_BYTES + (bit >> 3);
    const mask = 1 << (bit & 7);
    const byte = file[offset] as number;
    file[offset] = byte ^ mask;
    const isFound = isRight();
    file[offset] = byte;
    if (isFound) return { offset, mask };
  }
  return undefined;
}

function readFooter(file: Uint8Array): { metaindex: Extent; index: Extent } | undefined {
  const footer = file.subarray(-FOOTER_BYTES);
  if (footer.length < FOOTER_BYTES || MAGIC.some((byte, i) => footer[40 + i] !== byte))
    return undefined;
  const reader = new ByteReader(footer);
  return { metaindex: extent(reader), index: extent(reader) };
}

/** Finds the blocks of a table; undefined if the file does not end like a table. */
export function readTable(file: Uint8Array): TableParts | undefined {
  const footer = readFooter(file);
  if (footer === undefined) return undefined;
  const { metaindex, index } = footer;
  const blocks: DataBlock[] = [];
  let first = '';
  for (const [name, value] of entriesOf(file, index)) {
    const last = userKey(name);
    blocks.push({ ...extent(new ByteReader(value)), first, last });
    first = last;
  }
  const filters = [...entriesOf(file, metaindex)].map(([, value]) => extent(new ByteReader(value)));
  const spare = [
    { ...metaindex, kind: 'metaindex' as const },
    ...(isSound(file, metaindex)
      ? filters.map((filter) => ({ ...filter, kind: 'filter' as const }))
      : []),
  ];
  return { blocks, spare, isSound: isSound(file, index) };
}

function extent(reader: ByteReader): Extent {
  return { offset: reader.varint(), size: reader.varint() };
}

/** Whether a block matches its checksum. */
export function isSound(file: Uint8Array, { offset, size }: Extent): boolean {
  const end = offset + size + TRAILER_BYTES;
  if (end > file.length) return false;
  const sum = new ByteReader(file, end - 4).fixed(4);
  return maskedCrc32c(file.subarray(offset, end - 4)) === sum;
}

/** Reads the names and values of a block in order, up to the first that cannot be read. */
function* entriesOf(
  file: Uint8Array,
  { offset, size }: Extent,
): Generator<readonly [Uint8Array, Uint8Array]> {
  const packed = file.subarray(offset, offset + size);
  const block = file[offset + size] === 1 ? unpackSnappy(packed) : packed;
  if (block.length < 4) return;
  const restarts = new ByteReader(block, block.length - 4).fixed(4);
  // If the count is damaged, the entries end with the first that cannot be read.
  const rowsEnd = Math.max(0, block.length - 4 - 4 * Math.min(restarts, block.length >> 2));
  const reader = new ByteReader(
    block.subarray(0, restarts > block.length >> 2 ? block.length : rowsEnd),
  );
  let name: Uint8Array = new Uint8Array();
  while (!reader.isAtEnd) {
    const shared = reader.varint();
    const rest = reader.varint();
    const valueBytes = reader.varint();
    const tail = reader.take(rest);
    const value = reader.take(valueBytes);
    if (reader.isSpent || shared > name.length) return;
    name = Buffer.concat([name.subarray(0, shared), tail]);
    yield [name, value];
  }
}

/** Reads the rows that a block sets, up to the first that cannot be read. */
export function* rowsOfBlock(
  file: Uint8Array,
  block: Extent,
): Generator<readonly [row: string, value: Uint8Array]> {
  for (const [name, value] of entriesOf(file, block)) {
    const isSet = name[name.length - 8] === 1;
    if (isSet) yield [Buffer.from(name.subarray(0, -8)).toString('utf8'), value];
  }
}

/**
 * Replaces a damaged block by a sound one without rows, or by a filter that lets every row pass.
 */
export function blankBlock(
  file: Uint8Array,
  { offset, size }: Extent,
  kind: 'rows' | 'metaindex' | 'filter',
): void {
  // The last four bytes count the restart points. With none, LevelDB takes a block of any size for
  // empty.
  file.fill(kind === 'filter' ? 0xff : 0, offset, offset + size);
  file[offset + size] = 0;
  const sum = maskedCrc32c(file.subarray(offset, offset + size + 1));
  new DataView(file.buffer, file.byteOffset).setUint32(offset + size + 1, sum, true);
}

/** Makes a table of `bytes` without rows. */
export function blankTable(bytes: number): Uint8Array {
  const file = new Uint8Array(Math.max(bytes, FOOTER_BYTES + 4 + TRAILER_BYTES));
  const size = 4;
  const offset = file.length - FOOTER_BYTES - size - TRAILER_BYTES;
  blankBlock(file, { offset, size }, 'rows');
  const handle = [...varint(offset), ...varint(size)];
  file.set([...handle, ...handle], file.length - FOOTER_BYTES);
  file.set(MAGIC, file.length - MAGIC.length);
  return file;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}
