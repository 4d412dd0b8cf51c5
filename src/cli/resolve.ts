/** The command `mec resolve KEY`: shows siblings side by side, and replaces them by one value. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { bytesToUtf8 } from '../base/bytes.ts';
import { microsToIso } from '../base/system.ts';
import type { Siblings, Version } from '../client/answers.ts';
import type { MecClient } from '../client/client.ts';
import type { CommandArguments } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { toJsonRead, valueOf } from './keys.ts';
import {
  ExitError,
  type QuorumOptions,
  type RemoteOptions,
  runRemote,
  secondsLeft,
} from './remote.ts';
import { formatBytes, oneLine, print, printBold, remark } from './terminal.ts';

interface ResolveOptions extends RemoteOptions, QuorumOptions {
  readonly take?: string;
  readonly value?: string;
  readonly edit?: boolean;
  readonly type?: string;
}

/** The value to write: one of the siblings, or a new one. */
type Choice = Pick<Version<Uint8Array>, 'value' | 'contentType'> &
  Partial<Pick<Version<Uint8Array>, 'contentEncoding' | 'meta' | 'expires'>>;

type Both = Siblings<Uint8Array>;

const SHOWN_LINES = 12;
const LEAST_COLUMN = 28;
const GAP = '  ';

/** Runs `mec resolve`. */
export function runResolve([key = '']: CommandArguments, given: unknown): Promise<void> {
  const options = given as ResolveOptions;
  return runRemote(options, (client) => resolve(client, key, options));
}

async function resolve(
  client: MecClient<Uint8Array>,
  key: string,
  options: ResolveOptions,
): Promise<number> {
  const read = await client.get(key, { r: options.r });
  if (read.kind === 'missing')
    throw new ExitError(EXIT.missing, `there is no value under ${oneLine(key)}`);
  if (read.kind === 'value') {
    if (options.json === true)
      await print(process.stdout, `${JSON.stringify(toJsonRead(key, read))}\n`);
    else remark(`${oneLine(key)} has one value; there is nothing to resolve`);
    return EXIT.done;
  }
  if (options.json !== true) await printSideBySide(read.siblings);
  const choice = await choose(read, options);
  if (choice === undefined) {
    if (options.json === true)
      await print(process.stdout, `${JSON.stringify(toJsonRead(key, read))}\n`);
    throw new ExitError(
      EXIT.siblings,
      `${oneLine(key)} still has ${read.siblings.length} values; choose with --take, --value or --edit`,
    );
  }
  const { value, contentType, contentEncoding, meta, expires } = choice;
  const written = await client.put(key, value, {
    token: read.token,
    contentType: options.type ?? contentType,
    contentEncoding,
    meta,
    ttlSeconds: secondsLeft(expires),
    w: options.w,
  });
  if (options.json === true)
    await print(process.stdout, `${JSON.stringify({ key, ...written })}\n`);
  else if (written.siblings === 1) remark(`${oneLine(key)} has one value now`);
  if (written.siblings === 1) return EXIT.done;
  throw new ExitError(
    EXIT.siblings,
    `${oneLine(key)} was changed meanwhile and has ${written.siblings} values; run the command again`,
  );
}

async function choose(read: Both, options: ResolveOptions): Promise<Choice | undefined> {
  if (options.take !== undefined) return pick(read, options.take);
  if (options.value !== undefined) return valueOf(options.value);
  if (options.edit === true) return edit(read);
  if (!process.stdin.isTTY || !process.stdout.isTTY || options.json === true) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    `Which value? 1-${read.siblings.length}, e to edit all, anything else to change nothing: `,
  );
  terminal.close();
  if (answer.trim() === 'e') return edit(read);
  return /^\d+$/.test(answer.trim()) ? pick(read, answer.trim()) : undefined;
}

function pick({ siblings }: Both, which: string): Choice {
  const byNumber = /^\d{1,3}$/.test(which) ? siblings[Number(which) - 1] : undefined;
  const byDot = siblings.filter(({ dot }) => dot.startsWith(which));
  const found =
    which === 'newest' ? siblings[0] : (byNumber ?? (byDot.length === 1 ? byDot[0] : undefined));
  if (found === undefined) {
    throw new ExitError(
      EXIT.usage,
      `--take: expected 1 to ${siblings.length}, the beginning of one dot, or newest; got ${oneLine(which)}`,
    );
  }
  return found;
}

/** Opens the editor with all values, one after the other. The saved text becomes the new value. */
async function edit({ siblings }: Both): Promise<Choice> {
  const [first] = siblings;
  const texts = siblings.map(({ value }) => bytesToUtf8(value));
  if (first === undefined || texts.includes(undefined)) {
    throw new ExitError(EXIT.usage, 'not all values are text; choose one with --take');
  }
  const editor = process.env['VISUAL'] || process.env['EDITOR'] || 'vi';
  const before = siblings
    .map(
      (sibling, i) =>
        `<<<<<<< ${i + 1} of ${siblings.length}: ${aboutOf(sibling)}\n${texts[i]?.replace(/\n$/, '')}\n`,
    )
    .join('');
  const directory = await mkdtemp(join(tmpdir(), 'mec-resolve-'));
  try {
    const file = join(directory, 'value');
    await writeFile(file, before, { mode: 0o600 });
    const code = await new Promise((done) => {
      spawn(editor, [file], { stdio: 'inherit', shell: true }).on('error', done).on('exit', done);
    });
    const after = await readFile(file, 'utf8');
    if (code !== 0) throw new ExitError(EXIT.siblings, `${editor} failed; nothing was written`);
    if (after === before || after.includes('<<<<<<< ')) {
      throw new ExitError(
        EXIT.siblings,
        'the text still has its "<<<<<<<" lines; nothing was written',
      );
    }
    return { value: Buffer.from(after), contentType: first.contentType };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function aboutOf({ dot, timestampMicros, clientId }: Version<Uint8Array>): string {
  return [
    dot,
    microsToIso(timestampMicros),
    ...(clientId === undefined ? [] : [`by ${oneLine(clientId)}`]),
  ].join(' ');
}

/** Prints the siblings in columns, as many next to each other as fit into the terminal. */
async function printSideBySide(siblings: readonly Version<Uint8Array>[]): Promise<void> {
  const width = process.stdout.columns || 80;
  const abreast = Math.max(
    1,
    Math.min(siblings.length, Math.floor((width + GAP.length) / (LEAST_COLUMN + GAP.length))),
  );
  const column = Math.floor((width + GAP.length) / abreast) - GAP.length;
  for (let at = 0; at < siblings.length; at += abreast) {
    const columns = siblings
      .slice(at, at + abreast)
      .map((sibling, i) => describe(sibling, at + i + 1));
    const height = Math.max(...columns.map(({ length }) => length));
    for (let line = 0; line < height; line++) {
      const cells = columns.map((lines) => (lines[line] ?? '').slice(0, column).padEnd(column));
      const row = cells.join(GAP).trimEnd();
      await (line === 0 ? printBold(process.stdout, row) : print(process.stdout, `${row}\n`));
    }
    await print(process.stdout, '\n');
  }
}

function describe(sibling: Version<Uint8Array>, number: number): string[] {
  const { dot, timestampMicros, clientId, contentType, value } = sibling;
  const text = bytesToUtf8(value);
  const lines =
    text === undefined ? ['(not text)'] : text.replace(/\n$/, '').split('\n').map(oneLine);
  const more = lines.length > SHOWN_LINES ? [`(and ${lines.length - SHOWN_LINES} more lines)`] : [];
  return [
    `[${number}]`,
    `dot    ${oneLine(dot)}`,
    `time   ${microsToIso(timestampMicros)}`,
    `author ${oneLine(clientId ?? '-')}`,
    `type   ${oneLine(contentType)}`,
    `size   ${formatBytes(value.length)}`,
    '',
    ...lines.slice(0, SHOWN_LINES),
    ...more,
  ];
}
