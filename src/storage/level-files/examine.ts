/**
 * Examines the files of a LevelDB store that is not open. It finds damage, a repair for it, and the
 * rows that may be lost. LevelDB itself verifies no checksum of a block. It takes a truncated
 * manifest for an older one, and deletes every table if CURRENT is missing.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LostRange, Row } from '../engine.ts';
import { areObjects } from '../keyspace.ts';
import { type FileFlip, readLog, rowsOfBatch } from './log-file.ts';
import { type Manifest, manifestOf, readManifest } from './manifest-file.ts';
import { type Extent, flipsOfTable, isSound, readTable, rowsOfBlock } from './table-file.ts';

/** A damaged block. */
export type BadBlock = Extent & { readonly kind: 'rows' | 'metaindex' | 'filter' };

/** A change of a damaged file, after which LevelDB reads it without harm. */
export type FileRepair =
  | { readonly kind: 'flip bits'; readonly file: string; readonly flips: readonly FileFlip[] }
  | { readonly kind: 'blank blocks'; readonly file: string; readonly blocks: readonly BadBlock[] }
  | { readonly kind: 'blank table'; readonly file: string; readonly bytes: number }
  | { readonly kind: 'cut log'; readonly file: string; readonly bytes: number }
  | { readonly kind: 'name manifest'; readonly file: string; readonly manifest: string }
  | { readonly kind: 'rebuild manifest'; readonly file: string };

/** The damage of a store. */
export interface Findings {
  readonly repairs: readonly FileRepair[];
  readonly lost: readonly LostRange[];
  /** Sentences for the log about findings that need no change. */
  readonly remarks: readonly string[];
}

const EVERYTHING: LostRange = { first: '', last: undefined };

interface Report {
  readonly directory: string;
  readonly repairs: FileRepair[];
  readonly lost: LostRange[];
  readonly remarks: string[];
}

/**
 * Examines a store. It reads every block of the tables that have more than objects, because a start
 * makes the clocks from these. A clock that lacks dots of the disk doubles versions, and one with
 * too many dots deletes them. With `isThorough` it reads every block of all tables, which takes
 * longer.
 */
export async function examine(directory: string, isThorough: boolean): Promise<Findings> {
  const report: Report = { directory, repairs: [], lost: [], remarks: [] };
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  // LevelDB makes files only. Anything else, such as a pipe, might have no end.
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  if (!names.some((name) => /^CURRENT$|^MANIFEST-|\.(?:ldb|sst|log)$/.test(name))) return report;
  const manifest = await currentManifest(report, names);
  const tables =
    manifest?.tables ?? new Map(names.filter(isTable).map((name) => [numberOf(name), undefined]));
  for (const [number, entry] of tables) {
    const file =
      names.find((name) => isTable(name) && numberOf(name) === number) ?? `${padded(number)}.ldb`;
    const bytes = await stat(join(directory, file)).then(
      ({ size }) => size,
      () => undefined,
    );
    if (entry !== undefined && bytes !== entry.bytes) {
      report.repairs.push({ kind: 'blank table', file, bytes: entry.bytes });
      report.lost.push(entry);
    } else if (isThorough || entry === undefined || !areObjects(entry.first, entry.last)) {
      await examineTable(report, file, entry ?? EVERYTHING);
    }
  }
  for (const file of names.filter((name) => name.endsWith('.log'))) {
    if (numberOf(file) >= (manifest?.logNumber ?? 0)) await examineLog(report, file);
  }
  return report;
}

const isTable = (name: string): boolean => /^\d+\.(?:ldb|sst)$/.test(name);
const numberOf = (name: string): number => Number.parseInt(name, 10);
const padded = (number: number): string => String(number).padStart(6, '0');

/**
 * Whether a manifest is complete. A complete one names a log that is there. If it names a missing
 * table, and there are tables that it does not name, a compaction made these from the missing one:
 * then the manifest has lost its end.
 */
function isCurrent({ tables, logNumber }: Manifest, names: readonly string[]): boolean {
  if (logNumber > 0 && !names.some((name) => name.endsWith('.log') && numberOf(name) === logNumber))
    return false;
  const there = new Set(names.filter(isTable).map(numberOf));
  const isWhole = [...tables.keys()].every((number) => there.has(number));
  return isWhole || [...there].every((number) => tables.has(number));
}

/** Returns the current manifest; undefined if none can be read. */
async function currentManifest(
  report: Report,
  names: readonly string[],
): Promise<Manifest | undefined> {
  const { directory, repairs, lost } = report;
  const read = async (name: string): Promise<Manifest | undefined> => {
    const manifest = await readFile(join(directory, name)).then(readManifest, () => undefined);
    return manifest !== undefined && isCurrent(manifest, names) ? manifest : undefined;
  };
  const current = names.includes('CURRENT')
    ? await readFile(join(directory, 'CURRENT'), 'latin1')
    : '';
  const named = manifestOf(current);
  if (named !== undefined && names.includes(named)) {
    const manifest = await read(named);
    if (manifest !== undefined) return withFlips(report, named, manifest);
  } else {
    // CURRENT has only the name of the manifest, so the newest complete manifest can replace it.
    for (const name of names
      .filter((file) => file.startsWith('MANIFEST-'))
      .sort()
      .reverse()) {
      const manifest = await read(name);
      if (manifest === undefined) continue;
      repairs.push({ kind: 'name manifest', file: 'CURRENT', manifest: name });
      return withFlips(report, name, manifest);
    }
  }
  repairs.push({ kind: 'rebuild manifest', file: named ?? 'MANIFEST' });
  lost.push(EVERYTHING);
  return undefined;
}

function withFlips({ repairs }: Report, file: string, manifest: Manifest): Manifest {
  if (manifest.flips.length > 0) repairs.push({ kind: 'flip bits', file, flips: manifest.flips });
  return manifest;
}

async function examineTable(report: Report, file: string, range: LostRange): Promise<void> {
  const bytes = await readFile(join(report.directory, file));
  if (!isSoundTable(bytes)) {
    const flips = flipsOfTable(bytes);
    flipBits(bytes, flips);
    if (flips.length > 0) report.repairs.push({ kind: 'flip bits', file, flips });
  }
  const table = readTable(bytes);
  if (table?.isSound !== true) {
    report.repairs.push({ kind: 'blank table', file, bytes: bytes.length });
    report.lost.push(range);
    return;
  }
  const blocks: BadBlock[] = [];
  for (const block of table.blocks) {
    if (isSound(bytes, block)) continue;
    blocks.push({ ...block, kind: 'rows' });
    report.lost.push(block);
  }
  for (const block of table.spare) if (!isSound(bytes, block)) blocks.push(block);
  if (blocks.length > 0) report.repairs.push({ kind: 'blank blocks', file, blocks });
}

function isSoundTable(bytes: Uint8Array): boolean {
  const table = readTable(bytes);
  return (
    table?.isSound === true &&
    [...table.blocks, ...table.spare].every((block) => isSound(bytes, block))
  );
}

/** Flips bits in the bytes of a file. */
export function flipBits(bytes: Uint8Array, flips: readonly FileFlip[]): void {
  for (const { offset, mask } of flips) bytes[offset] = (bytes[offset] as number) ^ mask;
}

async function examineLog({ directory, repairs, remarks }: Report, file: string): Promise<void> {
  const bytes = await readFile(join(directory, file));
  const { records, flips, isTorn } = readLog(bytes);
  if (flips.length > 0) repairs.push({ kind: 'flip bits', file, flips });
  const bad = records.find((record) => !record.isSound);
  // LevelDB would apply the later records without the damaged one. A cut leaves an older state.
  if (bad !== undefined) repairs.push({ kind: 'cut log', file, bytes: bad.offset });
  else if (isTorn)
    remarks.push(`${file} ends within a record: the last writes before the stop are lost here`);
}

/** Reads the rows in the parts that repairs take away, from the files as they were. */
export async function* recoveredRows(
  directory: string,
  { repairs }: Findings,
): AsyncGenerator<Row> {
  for (const change of repairs) {
    const bytes = await readFile(join(directory, change.file)).catch(() => new Uint8Array());
    for (const other of repairs)
      if (other.kind === 'flip bits' && other.file === change.file) flipBits(bytes, other.flips);
    if (change.kind === 'blank blocks') {
      for (const block of change.blocks)
        if (block.kind === 'rows') yield* rowsOfBlock(bytes, block);
    } else if (change.kind === 'blank table') {
      for (const block of readTable(bytes)?.blocks ?? []) yield* rowsOfBlock(bytes, block);
    } else if (change.kind === 'cut log') {
      for (const record of readLog(bytes).records)
        if (record.offset >= change.bytes) yield* rowsOfBatch(record);
    }
  }
}
