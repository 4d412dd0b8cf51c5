/**
 * Salvages a LevelDB store with damaged files. The files are kept as they were, under another name.
 * Their mended copies are for LevelDB. The rows in the damaged parts are read without LevelDB. A
 * marker lets a salvage begin again that was interrupted.
 */
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { Salvage } from '../engine.ts';
import { examine, type FileRepair, type Findings, flipBits, recoveredRows } from './examine.ts';
import { blankBlock, blankTable } from './table-file.ts';

/** How to salvage a store. */
export interface SalvageOptions {
  /** The data directory; the store is `leveldb` in it. */
  readonly root: string;
  /** Whether to examine every block. */
  readonly isThorough: boolean;
  /** LevelDB's own repair, which makes a manifest for the tables in a directory. */
  readonly repair: (directory: string) => Promise<void>;
  /** Called with a sentence for the log. */
  readonly onRemark: (remark: string) => void;
}

const storeOf = (root: string): string => join(root, 'leveldb');
const markerOf = (root: string): string => join(root, 'salvaging');

/** Mends the store in a directory if it is damaged. */
export async function salvageStore(options: SalvageOptions): Promise<Salvage | undefined> {
  const { root, isThorough, onRemark } = options;
  const begun = await readFile(markerOf(root), 'utf8').catch(() => undefined);
  if (begun === undefined) {
    const findings = await examine(storeOf(root), isThorough);
    findings.remarks.forEach(onRemark);
    if (findings.repairs.length === 0) return undefined;
    const aside = await keepAside(root);
    await writeDurably(root, 'salvaging', aside);
    return salvageFrom(options, aside);
  }
  await rm(storeOf(root), { recursive: true, force: true });
  await linkAll(join(root, begun), storeOf(root));
  return salvageFrom(options, begun);
}

async function salvageFrom({ root, repair }: SalvageOptions, aside: string): Promise<Salvage> {
  const kept = join(root, aside);
  // Damage is seldom alone, so every block is examined now.
  const findings = await examine(kept, true);
  for (const change of findings.repairs) await applyRepair(storeOf(root), change);
  if (findings.repairs.some(({ kind }) => kind === 'rebuild manifest')) {
    await repair(storeOf(root));
    await rm(join(storeOf(root), 'lost'), { recursive: true, force: true });
  }
  await syncPath(storeOf(root));
  return {
    lost: findings.lost,
    recoveredRows: () => recoveredRows(kept, findings),
    report: `${describe(findings)}; the files are kept in ${kept}`,
    end: async () => {
      await rm(markerOf(root), { force: true });
      await syncPath(root);
    },
  };
}

function describe({ repairs }: Findings): string {
  const texts = repairs.map(({ kind, file }) => `${file} (${kind})`);
  const more = texts.length - 5;
  return [...texts.slice(0, 5), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/**
 * Replaces a damaged file by a mended one. The kept file is a hard link, so it must not be changed.
 */
async function applyRepair(directory: string, change: FileRepair): Promise<void> {
  const path = join(directory, change.file);
  if (change.kind === 'rebuild manifest') return rm(path, { force: true });
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  if (change.kind === 'flip bits') flipBits(bytes, change.flips);
  if (change.kind === 'blank blocks')
    for (const block of change.blocks) blankBlock(bytes, block, block.kind);
  const mended = {
    'flip bits': () => bytes,
    'blank blocks': () => bytes,
    'blank table': () => blankTable((change as { bytes: number }).bytes),
    'cut log': () => bytes.subarray(0, (change as { bytes: number }).bytes),
    'name manifest': () => Buffer.from(`${(change as { manifest: string }).manifest}\n`),
  }[change.kind]();
  await writeDurably(directory, change.file, mended);
}

/**
 * Keeps all files of the store as the first free of `leveldb-damaged-1`, `-2` … It deletes none.
 */
async function keepAside(root: string): Promise<string> {
  for (let i = 1; ; i++) {
    const name = `leveldb-damaged-${i}`;
    const isTaken = await stat(join(root, name)).then(
      () => true,
      () => false,
    );
    if (isTaken) continue;
    await rm(join(root, `${name}.part`), { recursive: true, force: true });
    await linkAll(storeOf(root), join(root, `${name}.part`));
    await rename(join(root, `${name}.part`), join(root, name));
    await syncPath(root);
    return name;
  }
}

async function linkAll(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'LOCK') continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    // Some file systems have no hard links.
    await link(source, target).catch(() => copyFile(source, target));
  }
  await syncPath(to);
}

async function writeDurably(
  directory: string,
  name: string,
  bytes: Uint8Array | string,
): Promise<void> {
  const part = join(directory, `${name}.part`);
  await writeFile(part, bytes);
  await syncPath(part);
  await rename(part, join(directory, name));
  await syncPath(directory);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
