/**
 * The directory `security` of a node's root: the mark that the node is secured, its certificate and
 * keys, the first records of its ledger, and the audit.
 *
 * The mark makes sure that no lost line or file opens a node: with the mark a node needs
 * `mode = "on"`, and with `mode = "on"` it needs the mark.
 */
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { authorityOf } from '../base/address.ts';
import { messageOf, StartError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { microsToIso, systemClock, textToMillis } from '../base/system.ts';
import { type KeyPair, keyPairOf } from '../base/x25519.ts';
import { type Config, hasKeys } from '../cluster/config.ts';
import type { KeyFiles } from '../cluster/key-rotation.ts';
import type { LedgerRecord } from '../core/security/ledger-record.ts';
import type { TlsFiles } from '../http/tls.ts';
import { AuditFile } from './audit-file.ts';
import type { KeyedCertificate } from './certificates.ts';
import { MAX_MIGRATION_DAYS } from './limits.ts';

/** The names of the files. */
export const SECURITY_FILES = {
  mark: 'mode',
  certificate: 'node.crt',
  key: 'node.key',
  curve: 'curve.key',
  nextCurve: 'curve.key.next',
  ca: 'ca.crt',
  /** Only if this node renews its certificate by itself. */
  authorityKey: 'ca.key',
  ledger: 'ledger.json',
  recovery: 'recovery.json',
  audit: 'audit.ndjson',
} as const;

/** The directory of a root. */
export const securityDirectory = (root: string): string => join(root, 'security');

/**
 * The words of the mark. A node with `ready` has keys, and has not used them yet. After
 * `migrating` stands the time at which the node first took requests with keys and without.
 */
export const MARKS = { on: 'on', off: 'off', ready: 'ready', migrating: 'migrating' } as const;

/** Anyone but the owner may do something with a file. */
const OTHERS = 0o077;
const OWNER_ONLY = 0o600;

/** The security files of one node. */
export class SecuredRoot implements KeyFiles {
  readonly #directory: string;
  readonly audit: AuditFile;
  readonly firstRecords: readonly LedgerRecord[];
  readonly tls: TlsFiles;
  /** The key with which this node proves its name to the others. */
  readonly keys: KeyPair;

  private constructor(
    directory: string,
    { tls, keys, firstRecords }: Pick<SecuredRoot, 'tls' | 'keys' | 'firstRecords'>,
  ) {
    this.#directory = directory;
    this.tls = tls;
    this.keys = keys;
    this.firstRecords = firstRecords;
    this.audit = new AuditFile(join(directory, SECURITY_FILES.audit));
  }

  /**
   * Opens the directory of a node, or finds that it has none, or that its security was taken off.
   * Rejects with `StartError` if the configuration and the mark differ, or if others can read the
   * directory.
   */
  static async open({
    root,
    nodes,
    http,
    security: { mode },
  }: Config): Promise<SecuredRoot | 'off' | undefined> {
    const directory = securityDirectory(root);
    const mark = await readMark(directory);
    if (!hasKeys(mode)) {
      if (mark.word !== MARKS.on && mark.word !== MARKS.migrating)
        return mark.word === MARKS.off ? MARKS.off : undefined;
      throw lessSecure(root, mode, mark.word);
    }
    if (mark.word === undefined || mark.word === MARKS.off)
      throw new StartError(
        `security.mode: "${mode}", but ${directory} has no keys; make them with "mec security init"`,
      );
    if (mode === 'migrating') {
      if (mark.word === MARKS.on) throw lessSecure(root, mode, mark.word);
      assertRecent(mark.since);
    }
    assertNamedOrigins(http);
    const nameless = nodes.find(({ name }) => name === undefined);
    if (nameless !== undefined)
      throw new StartError(
        `node.name: missing for ${authorityOf(nameless)}; a secured node knows the keys of others by name`,
      );
    await assertPrivate(directory);
    const tls = await readTls(directory);
    const records = await readIfThere(join(directory, SECURITY_FILES.ledger));
    const keys = await readKeys(directory);
    if (mode === 'on' && mark.word !== MARKS.on) await writeMark(directory, MARKS.on);
    if (mode === 'migrating' && mark.word === MARKS.ready)
      await writeMark(directory, `${MARKS.migrating} ${microsToIso(systemClock.wallMicros())}`);
    return new SecuredRoot(directory, { tls, keys, firstRecords: parseRecords(records ?? '[]') });
  }

  /** The authority, if its key is here; undefined if this node cannot sign. */
  async readAuthority(): Promise<KeyedCertificate | undefined> {
    const file = join(this.#directory, SECURITY_FILES.authorityKey);
    const key = await readIfThere(file);
    if (key === undefined) return undefined;
    await assertClosed(file);
    return {
      certificate: await readNeeded(this.#directory, SECURITY_FILES.ca),
      key: new Secret(key),
    };
  }

  /** Replaces the certificate at once. */
  async replaceCertificate(certificate: string): Promise<void> {
    const file = join(this.#directory, SECURITY_FILES.certificate);
    const part = `${file}.part`;
    await writeFile(part, `${certificate.trim()}\n`, { mode: OWNER_ONLY, flush: true });
    await rename(part, file);
    await syncDirectory(this.#directory);
  }

  /** Reads the certificate and the keys again. */
  readTls(): Promise<TlsFiles> {
    return readTls(this.#directory);
  }

  async next(): Promise<KeyPair | undefined> {
    const text = await readIfThere(join(this.#directory, SECURITY_FILES.nextCurve));
    return text === undefined ? undefined : keyPairOf(new Secret(text));
  }

  async keepNext({ secretKey }: KeyPair): Promise<void> {
    await writeDurably(join(this.#directory, SECURITY_FILES.nextCurve), secretKey.reveal());
    await syncDirectory(this.#directory);
  }

  async useNext(): Promise<void> {
    const [next, current] = [SECURITY_FILES.nextCurve, SECURITY_FILES.curve];
    await rename(join(this.#directory, next), join(this.#directory, current));
    // The key that was in use may count nowhere a moment later.
    await syncDirectory(this.#directory);
  }

  /** Takes the records that `mec security recover` has made; undefined if there are none. */
  async takeRecovery(): Promise<readonly LedgerRecord[] | undefined> {
    const file = join(this.#directory, SECURITY_FILES.recovery);
    const text = await readIfThere(file);
    if (text === undefined) return undefined;
    await rm(file);
    return parseRecords(text);
  }
}

interface Mark {
  readonly word: string | undefined;
  /** The time after the word, if there is one. */
  readonly since: string | undefined;
}

async function readMark(directory: string): Promise<Mark> {
  const text = await readIfThere(join(directory, SECURITY_FILES.mark));
  const [word, since] = text?.split(' ') ?? [];
  return { word, since };
}

/** Replaces the mark. A crash leaves the old one or the new one. */
async function writeMark(directory: string, text: string): Promise<void> {
  await writeDurably(join(directory, SECURITY_FILES.mark), text);
  await syncDirectory(directory);
}

const lessSecure = (root: string, mode: string, mark: string): StartError =>
  new StartError(
    `security.mode: "${mode}", but ${root} is of a secured node; set mode = "${mark}" in ` +
      '[security], or take the security off with "mec security off"',
  );

/** Throws `StartError` if a node has taken requests without keys for too long. */
function assertRecent(since: string | undefined): void {
  if (since === undefined) return;
  const days = (systemClock.wallMicros() / 1000 - (textToMillis(since) ?? NaN)) / 86_400_000;
  // A time that cannot be read counts as long ago.
  if (days <= MAX_MIGRATION_DAYS) return;
  throw new StartError(
    `security.mode: "migrating" since ${since}, and it may be so for ${MAX_MIGRATION_DAYS} days; ` +
      'set mode = "on" in [security]',
  );
}

/** Throws `StartError` if pages of all origins may use a secured node. */
export function assertNamedOrigins({ origins }: Pick<Config['http'], 'origins'>): void {
  if (origins.includes('*'))
    throw new StartError('http.origins: "*" lets pages of all origins in; name them instead');
}

async function writeDurably(file: string, text: string): Promise<void> {
  const part = `${file}.part`;
  const handle = await open(part, 'w', OWNER_ONLY);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, file);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory);
  await handle.sync().finally(() => handle.close());
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    // If the root is no directory, the store says so.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new StartError(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function assertPrivate(directory: string): Promise<void> {
  const secrets = [SECURITY_FILES.key, SECURITY_FILES.curve].map((name) => join(directory, name));
  for (const path of [directory, ...secrets]) await assertClosed(path);
  const authorityKey = join(directory, SECURITY_FILES.authorityKey);
  if ((await readIfThere(authorityKey)) !== undefined) await assertClosed(authorityKey);
}

/** Rejects with `StartError` if others than its owner can do something with a file. */
async function assertClosed(path: string): Promise<void> {
  const { mode } = await stat(path).catch((error: unknown) => {
    throw new StartError(`Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  });
  if ((mode & OTHERS) !== 0)
    throw new StartError(`${path} can be used by others; close it with chmod go= ${path}`);
}

async function readNeeded(directory: string, name: string): Promise<string> {
  const text = await readIfThere(join(directory, name));
  if (text !== undefined) return text;
  throw new StartError(`${join(directory, name)} is missing; make it with "mec security init"`);
}

async function readKeys(directory: string): Promise<KeyPair> {
  const { curve } = SECURITY_FILES;
  const keys = keyPairOf(new Secret(await readNeeded(directory, curve)));
  if (keys === undefined) throw new StartError(`${join(directory, curve)} has no key of a node`);
  return keys;
}

async function readTls(directory: string): Promise<TlsFiles> {
  const read = (name: string): Promise<string> => readNeeded(directory, name);
  const { certificate, key, ca } = SECURITY_FILES;
  return {
    certificate: await read(certificate),
    key: new Secret(await read(key)),
    ca: await read(ca),
  };
}

/** Records in a file. The ledger leaves out those that break its grammar. */
const parseRecords = (text: string): readonly LedgerRecord[] =>
  JSON.parse(text) as readonly LedgerRecord[];
