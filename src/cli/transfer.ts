/**
 * The commands `mec export` and `mec import`: keys with all their values, as lines of JSON.
 *
 * Both can be stopped and run again. An export continues after the last whole line of its file. An
 * import skips a value that the key already has, with the same bytes, type and encoding.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { messageOf } from '../base/errors.ts';
import type { CommandArguments } from './command.ts';
import { MAX_EXPORT_LINE_BYTES, TRANSFER_CONCURRENCY } from './limits.ts';
import { type Version, versionsOf } from '../client/answers.ts';
import type { MecClient } from '../client/client.ts';
import { EXIT } from './exit-codes.ts';
import {
  ExitError,
  fromJsonValue,
  type JsonValue,
  type QuorumOptions,
  type RemoteOptions,
  runRemote,
  secondsLeft,
  toJsonVersion,
} from './remote.ts';
import { counted, formatBytes, print, ProgressLine, remark } from './terminal.ts';

interface ExportOptions extends RemoteOptions, QuorumOptions {
  readonly out?: string;
}

interface ImportOptions extends RemoteOptions, QuorumOptions {
  readonly existing: 'beside' | 'skip' | 'replace';
}

/** One line: a key and all its values. */
interface Line {
  readonly key: string;
  readonly versions: readonly (JsonValue &
    Pick<Version<unknown>, 'contentType'> &
    Partial<Pick<Version<unknown>, 'contentEncoding' | 'meta' | 'expires' | 'clientId'>>)[];
}

type Client = MecClient<Uint8Array>;

/** Groups the items of a source, so that the requests of a group run together, but in order. */
async function* inGroups<T>(source: AsyncIterable<T>): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const one of source) {
    group.push(one);
    if (group.length < TRANSFER_CONCURRENCY) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Runs `mec export`. */
export function runExport([prefix]: CommandArguments, given: unknown): Promise<void> {
  const options = given as ExportOptions;
  return runRemote(options, async (client) => {
    const { out, r } = options;
    if (out === undefined) {
      await exportTo({ client, prefix, after: undefined, r }, (text) =>
        print(process.stdout, text),
      );
      return EXIT.done;
    }
    const file = await open(out, 'a+').catch((error: unknown) => {
      throw new ExitError(EXIT.usage, `the file cannot be written: ${messageOf(error)}`);
    });
    try {
      const after = await lastKey(file, out);
      const count = await exportTo(
        { client, prefix, after, r },
        async (text) => (await file.appendFile(text), true),
      );
      await file.sync();
      const summary = { keys: count, file: out, after };
      if (options.json === true) await print(process.stderr, `${JSON.stringify(summary)}\n`);
      else remark(`${counted(count, 'key')} written to ${out}`);
    } finally {
      await file.close();
    }
    return EXIT.done;
  });
}

interface ExportJob {
  readonly client: Client;
  readonly prefix: string | undefined;
  readonly after: string | undefined;
  readonly r: QuorumOptions['r'];
}

async function exportTo(
  { client, prefix, after, r }: ExportJob,
  write: (text: string) => Promise<boolean>,
): Promise<number> {
  const progress = new ProgressLine();
  let count = 0;
  let bytes = 0;
  for await (const keys of inGroups(client.list({ prefix, after, r }))) {
    const lines = await Promise.all(
      keys.map(async (key) => {
        const versions = versionsOf(await client.get(key, { r })).map(toJsonVersion);
        // The key was deleted after it was listed.
        return versions.length === 0 ? '' : `${JSON.stringify({ key, versions })}\n`;
      }),
    );
    const text = lines.join('');
    count += lines.filter((line) => line !== '').length;
    bytes += text.length;
    if (!(await write(text))) break;
    progress.show(`${counted(count, 'key')}, ${formatBytes(bytes)}`);
  }
  progress.clear();
  return count;
}

/** The key of the last whole line of a file. Cuts off anything after that line. */
async function lastKey(file: FileHandle, name: string): Promise<string | undefined> {
  const { size } = await file.stat();
  if (size === 0) return undefined;
  const from = Math.max(0, size - MAX_EXPORT_LINE_BYTES);
  const tail = Buffer.alloc(size - from);
  await file.read(tail, 0, tail.length, from);
  const end = tail.lastIndexOf(10);
  const start = tail.lastIndexOf(10, end - 1) + 1;
  try {
    if (end < 0) throw new TypeError('it does not end with a whole line');
    const key = parseLine(tail.toString('utf8', start, end)).key;
    await file.truncate(from + end + 1);
    return key;
  } catch (error) {
    throw new ExitError(
      EXIT.usage,
      `${name} is not an export that can be continued: ${messageOf(error)}; choose another --out`,
    );
  }
}

/** Runs `mec import`. */
export function runImport([name]: CommandArguments, given: unknown): Promise<void> {
  const options = given as ImportOptions;
  return runRemote(options, async (client) => {
    const size = name === undefined ? undefined : await sizeOf(name);
    const input: Readable = name === undefined ? process.stdin : createReadStream(name);
    const done = await importFrom(input, size, (line) => importLine(client, line, options));
    if (options.json === true) await print(process.stdout, `${JSON.stringify(done)}\n`);
    else
      remark(
        `${counted(done.written, 'value')} written, ${done.skipped} skipped, ${counted(done.keys, 'key')}`,
      );
    return EXIT.done;
  });
}

async function sizeOf(name: string): Promise<number> {
  return stat(name).then(
    ({ size }) => size,
    (error: unknown) => {
      throw new ExitError(EXIT.usage, `the file cannot be read: ${messageOf(error)}`);
    },
  );
}

interface Imported {
  readonly written: number;
  readonly skipped: number;
}

async function importFrom(
  input: Readable,
  size: number | undefined,
  write: (line: Line) => Promise<Imported>,
): Promise<Imported & { keys: number }> {
  const progress = new ProgressLine();
  const total = { keys: 0, written: 0, skipped: 0 };
  let bytes = 0;
  let lines = 0;
  try {
    for await (const group of inGroups(createInterface({ input, crlfDelay: Infinity }))) {
      const outcomes = await Promise.all(
        group.map(async (text, i) => {
          bytes += Buffer.byteLength(text) + 1;
          return text.trim() === '' ? undefined : writeLine(text, lines + i + 1, write);
        }),
      );
      lines += group.length;
      for (const outcome of outcomes) {
        if (outcome === undefined) continue;
        total.keys += 1;
        total.written += outcome.written;
        total.skipped += outcome.skipped;
      }
      progress.show(
        counted(total.keys, 'key'),
        size === undefined || size === 0 ? undefined : bytes / size,
      );
    }
  } finally {
    progress.clear();
  }
  return total;
}

async function writeLine(
  text: string,
  number: number,
  write: (line: Line) => Promise<Imported>,
): Promise<Imported> {
  let line: Line;
  try {
    line = parseLine(text);
  } catch (error) {
    throw new ExitError(
      EXIT.failed,
      `line ${number}: ${messageOf(error)}; earlier lines may have been imported, and it is safe to import again`,
    );
  }
  return write(line);
}

function parseLine(text: string): Line {
  const line = JSON.parse(text) as Partial<Line> | null;
  if (typeof line?.key !== 'string' || !Array.isArray(line.versions))
    throw new TypeError('not a line of an export');
  for (const version of line.versions as Line['versions']) {
    if (typeof version.contentType !== 'string')
      throw new TypeError('a version has no contentType');
    fromJsonValue(version);
  }
  return line as Line;
}

async function importLine(
  client: Client,
  { key, versions }: Line,
  { existing, r, w }: ImportOptions,
): Promise<Imported> {
  const read = await client.get(key, { r });
  const there = versionsOf(read);
  const isThere = ({ bytes, contentType, contentEncoding }: (typeof wanted)[number]): boolean =>
    there.some(
      (version) =>
        version.contentType === contentType &&
        version.contentEncoding === contentEncoding &&
        Buffer.compare(version.value, bytes) === 0,
    );
  const wanted = versions
    .map((version) => ({
      ...version,
      bytes: fromJsonValue(version),
      ttlSeconds: secondsLeft(version.expires),
    }))
    .filter(({ ttlSeconds }) => ttlSeconds === undefined || ttlSeconds > 0);
  const missing = wanted.filter((version) => !isThere(version));
  const isOther = there.length > 0;
  if (missing.length === 0 || (isOther && existing === 'skip'))
    return { written: 0, skipped: versions.length };
  // The first value replaces the existing ones. The others become its siblings, as they were
  // before.
  const replaces = isOther && existing === 'replace';
  const toWrite = replaces ? wanted : missing;
  for (const [
    i,
    { bytes, contentType, contentEncoding, clientId, meta, ttlSeconds },
  ] of toWrite.entries()) {
    const token = (replaces && i === 0) || (there.length === 0 && i === 0) ? read.token : undefined;
    await client.put(key, bytes, {
      token,
      contentType,
      contentEncoding,
      clientId,
      meta,
      ttlSeconds,
      w,
    });
  }
  return { written: toWrite.length, skipped: versions.length - toWrite.length };
}
