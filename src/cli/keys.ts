/** The commands `mec get`, `put`, `delete` and `list`. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { MAX_LIST_KEYS } from '../core/limits.ts';
import type { Read, Token } from '../client/answers.ts';
import type { MecClient } from '../client/client.ts';
import type { CommandArguments } from './command.ts';
import { EXIT } from './exit-codes.ts';
import {
  ExitError,
  type QuorumOptions,
  type RemoteOptions,
  runRemote,
  toJsonVersion,
} from './remote.ts';
import { oneLine, print, printBold, printRaw, remark } from './terminal.ts';

interface WriteFlags extends RemoteOptions, QuorumOptions {
  readonly vclock?: string;
  readonly tokenFile?: string;
}

interface GetFlags extends RemoteOptions, QuorumOptions {
  readonly siblings?: boolean;
  readonly raw?: boolean;
  readonly tokenFile?: string;
}

interface PutFlags extends WriteFlags {
  readonly replace?: boolean;
  readonly type?: string;
  readonly encoding?: string;
  readonly ttl?: number;
  readonly meta?: Readonly<Record<string, string>>;
}

interface ListFlags extends RemoteOptions, QuorumOptions {
  readonly after?: string;
  readonly limit?: number;
}

const TYPES: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.xml': 'application/xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.pdf': 'application/pdf',
};

/** Runs `mec get`. */
export function runGet([key = '']: CommandArguments, options: unknown): Promise<void> {
  return runRemote(options as GetFlags, (client) => get(client, key, options as GetFlags));
}

/** Runs `mec put`. */
export function runPut([key = '', value]: CommandArguments, options: unknown): Promise<void> {
  return runRemote(options as PutFlags, (client) =>
    put(client, key, { ...(options as PutFlags), value }),
  );
}

/** Runs `mec delete`. */
export function runDelete([key = '']: CommandArguments, options: unknown): Promise<void> {
  return runRemote(options as WriteFlags, (client) => remove(client, key, options as WriteFlags));
}

/** Runs `mec list`. */
export function runList([prefix]: CommandArguments, options: unknown): Promise<void> {
  return runRemote(options as ListFlags, (client) => list(client, prefix, options as ListFlags));
}

async function get(client: MecClient<Uint8Array>, key: string, options: GetFlags): Promise<number> {
  await tokenIn(options.tokenFile);
  const read = await client.get(key, { r: options.r });
  await keepToken(options.tokenFile, read.token);
  if (options.json === true)
    await print(process.stdout, `${JSON.stringify(toJsonRead(key, read))}\n`);
  if (read.kind === 'missing')
    throw new ExitError(EXIT.missing, `there is no value under ${oneLine(key)}`);
  if (read.kind === 'value') {
    if (options.json !== true) await printValue(read.value, options);
    return EXIT.done;
  }
  if (options.siblings !== true) {
    const sentence = `${oneLine(key)} has ${read.siblings.length} values`;
    throw new ExitError(
      EXIT.siblings,
      `${sentence}; see them with --siblings, merge them with "mec resolve"`,
    );
  }
  if (options.json === true) return EXIT.done;
  for (const { value, dot, contentType } of read.siblings) {
    await printBold(process.stdout, `--- ${dot}  ${contentType}`);
    await printValue(value, options, true);
  }
  return EXIT.done;
}

/** A read, as `--json` prints it. */
export function toJsonRead(key: string, read: Read<Uint8Array>): Record<string, unknown> {
  const { kind, token } = read;
  if (read.kind === 'missing') return { key, kind, token };
  if (read.kind === 'value') return { key, kind, token, ...toJsonVersion(read) };
  return { key, kind, token, siblings: read.siblings.map(toJsonVersion) };
}

async function printValue(
  value: Uint8Array,
  { raw }: GetFlags,
  endsLine = process.stdout.isTTY,
): Promise<void> {
  await (raw === true ? printRaw : print)(process.stdout, value);
  if (endsLine && value[value.length - 1] !== 10) await print(process.stdout, '\n');
}

async function put(
  client: MecClient<Uint8Array>,
  key: string,
  options: PutFlags & { value: string | undefined },
): Promise<number> {
  const { value, contentType } = await valueOf(options.value);
  const token = await tokenOf(options);
  const isReplacing = options.replace === true;
  if (isReplacing && options.vclock !== undefined)
    throw new ExitError(EXIT.usage, 'use --replace or --vclock: both say what to replace');
  const content = {
    contentType: options.type ?? contentType,
    contentEncoding: options.encoding,
    ttlSeconds: options.ttl,
    meta: options.meta,
    w: options.w,
  };
  const written = isReplacing
    ? await client.set(key, value, { ...content, r: options.r })
    : await client.put(key, value, { ...content, token });
  await keepToken(options.tokenFile, written.token);
  if (options.json === true)
    await print(process.stdout, `${JSON.stringify({ key, ...written })}\n`);
  else if (written.siblings > 1) {
    const hint =
      'merge them with "mec resolve"; to replace a value, use --replace, --vclock or --token-file';
    remark(`${oneLine(key)} has ${written.siblings} values now; ${hint}`);
  }
  return EXIT.done;
}

/**
 * The bytes of a value argument and their likely content type. Throws `ExitError` if there is no
 * value or the file is unreadable.
 */
export async function valueOf(
  argument: string | undefined,
): Promise<{ value: Uint8Array; contentType: string }> {
  if (argument === undefined) {
    throw new ExitError(
      EXIT.usage,
      'the value is missing; give it as text, as @FILE, or as - for stdin',
    );
  }
  if (argument === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return { value: Buffer.concat(chunks), contentType: 'application/octet-stream' };
  }
  if (!argument.startsWith('@') || argument.startsWith('@@')) {
    return {
      value: Buffer.from(argument.replace(/^@@/, '@')),
      contentType: 'text/plain; charset=utf-8',
    };
  }
  const file = argument.slice(1);
  try {
    const contentType = TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
    return { value: await readFile(file), contentType };
  } catch (error) {
    throw new ExitError(
      EXIT.usage,
      `the file cannot be read: ${messageOf(error)}; if the value begins with @, write @@`,
    );
  }
}

async function tokenOf({ vclock, tokenFile }: WriteFlags): Promise<Token | undefined> {
  const kept = await tokenIn(tokenFile);
  return vclock === undefined ? kept : (vclock as Token);
}

/**
 * The token in a file; undefined if there is none. A command calls this before its request. Throws
 * `ExitError` if the file has other contents, which the new token would overwrite.
 */
async function tokenIn(file: string | undefined): Promise<Token | undefined> {
  if (file === undefined) return undefined;
  const text = await textOf(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new ExitError(EXIT.usage, `the token file cannot be read: ${error.message}`);
  });
  const token = text.trim();
  if (token === '') return undefined;
  // Most commands have no token file, and should not have to load this.
  if ((await import('../core/causality/token.ts')).isToken(token)) return token as Token;
  const advice = 'choose another --token-file, so that nothing is overwritten';
  throw new ExitError(EXIT.usage, `${file} has something else than a token; ${advice}`);
}

/** The text of a file. A device, such as /dev/null, has none. */
async function textOf(file: string): Promise<string> {
  const isDevice = (await stat(file)).isCharacterDevice();
  return isDevice ? '' : readFile(file, 'utf8');
}

async function keepToken(file: string | undefined, token: Token | undefined): Promise<void> {
  if (file === undefined) return;
  await writeFile(file, token === undefined ? '' : `${token}\n`).catch((error: unknown) => {
    throw new ExitError(EXIT.failed, `the token file cannot be written: ${messageOf(error)}`);
  });
}

async function remove(
  client: MecClient<Uint8Array>,
  key: string,
  options: WriteFlags,
): Promise<number> {
  const deleted = await client.delete(key, {
    token: await tokenOf(options),
    r: options.r,
    w: options.w,
  });
  await keepToken(options.tokenFile, deleted.token);
  if (options.json === true)
    await print(process.stdout, `${JSON.stringify({ key, ...deleted })}\n`);
  if (!deleted.found) throw new ExitError(EXIT.missing, `there is no value under ${oneLine(key)}`);
  return EXIT.done;
}

async function list(
  client: MecClient<Uint8Array>,
  prefix: string | undefined,
  { after, limit = Infinity, json, r }: ListFlags,
): Promise<number> {
  let left = limit;
  for await (const key of client.list({
    prefix,
    after,
    r,
    pageKeys: Math.min(limit, MAX_LIST_KEYS),
  })) {
    const isRead = await print(
      process.stdout,
      `${json === true ? JSON.stringify({ key }) : oneLine(key)}\n`,
    );
    left -= 1;
    if (!isRead || left === 0) break;
  }
  return EXIT.done;
}
