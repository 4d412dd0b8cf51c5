/** The command `mec security`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../base/system.ts';
import { readText } from '../config/client-file.ts';
import { readBytes } from '../config/rules.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { recovery } from '../core/security/ledger-change.ts';
import { KEY_VERBS, VERBS, verbsOf } from '../core/security/verb.ts';
import {
  certifyUser,
  type InitOptions,
  initCluster,
  keysForCluster,
  renewNode,
} from '../embed/make-cluster.ts';
import { MARKS, SECURITY_FILES, securityDirectory } from '../embed/secured-root.ts';
import type { ServerStatus } from '../http/server-status.ts';
import { parseCasbinPolicy } from './casbin-policy.ts';
import type { CommandArguments } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { type RekeyOptions, runRekey } from './rekey.ts';
import { askNode, ExitError, type RemoteOptions, reported, urlsOf } from './remote.ts';
import { loadConfig } from './run-node.ts';
import { formatBytes, oneLine, print } from './terminal.ts';

interface SecurityOptions extends RemoteOptions, InitOptions, RekeyOptions {
  readonly days?: number;
  readonly running?: boolean;
  readonly key?: string;
  readonly exact?: boolean;
}

type Action = (words: readonly string[], options: SecurityOptions) => Promise<void>;

const say = async (text: string): Promise<void> => void (await print(process.stdout, `${text}\n`));

/** Runs `mec security ACTION …`. */
export function runSecurity(given: CommandArguments, options: unknown): Promise<void> {
  const [name = '', ...rest] = given;
  // The last argument takes all further words.
  const words = rest.flat().filter((word) => word !== undefined);
  return reported(options as RemoteOptions, async () => {
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name as keyof typeof ACTIONS] : undefined;
    if (action === undefined)
      throw new ExitError(
        EXIT.usage,
        `unknown action ${oneLine(name)}; expected ${Object.keys(ACTIONS).join(', ')}`,
      );
    await action(words, options as SecurityOptions);
    return EXIT.done;
  });
}

/** The words of an action. Throws `ExitError` if there are too few or too many. */
function wordsOf(words: readonly string[], ...names: readonly string[]): string[] {
  if (words.length !== names.length)
    throw new ExitError(EXIT.usage, `expected ${names.join(' ') || 'no further arguments'}`);
  return [...words];
}

interface SpreadAnswer {
  readonly have: readonly string[];
  readonly lack: readonly string[];
}

const tellSpread = ({ have, lack }: SpreadAnswer): Promise<void> =>
  say(
    `on the disks of ${have.join(', ')}` +
      (lack.length === 0 ? '' : `; ${lack.join(', ')} will get it later`),
  );

const change = <Answer>(
  options: RemoteOptions,
  route: string,
  document: Readonly<Record<string, unknown>> = {},
): Promise<Answer> => {
  const body = Buffer.from(JSON.stringify(document));
  return askNode<Answer>(options, { method: 'POST', path: `/cluster/security/${route}`, body });
};

/** Makes the keys of a cluster that runs without any. */
async function initRunning(options: SecurityOptions): Promise<void> {
  const { dir, cluster: wanted } = options;
  const urls = urlsOf(options);
  const status = await askNode<ServerStatus>(options, { method: 'GET', path: '/status' });
  const members = status.members.filter(({ state }) => state !== 'gone');
  const secured = urls.map((url) => url.replace(/^http:/, 'https:'));
  const { name: cluster } = status.cluster;
  if (wanted !== undefined && wanted !== cluster)
    throw new ExitError(
      EXIT.usage,
      `the cluster at ${urls[0]} has the name ${cluster ?? '(none)'}`,
    );
  const token = await keysForCluster({ dir, cluster }, members, secured);
  await say(`the token of the administrator, which is printed only now:\n${token.reveal()}\n`);
  for (const { name } of members) await say(`copy ${dir}/${name}/security to the root of ${name}`);
}

const init: Action = async (words, options) => {
  wordsOf(words);
  if (options.running === true) return initRunning(options);
  const { configs, clientFile, token } = await initCluster(options);
  await say(`the token of the administrator, which is printed only now:\n${token.reveal()}\n`);
  for (const config of configs) await say(`mec --config ${config}`);
  await say(`mec status --client ${clientFile}`);
};

/** Verbs on a prefix or on one key. */
interface ShownRight {
  readonly prefix?: string;
  readonly key?: string;
  readonly verbs: readonly string[];
}

const rightText = ({ prefix, key, verbs }: ShownRight): string =>
  `${key === undefined ? '' : 'only '}${JSON.stringify(prefix ?? key)}: ${verbs.join(' ')}`;

interface LedgerAnswer {
  readonly records: readonly {
    readonly id: string;
    readonly isRevoked: boolean;
    readonly expires?: string;
    readonly holder?: string;
    readonly rights: readonly ShownRight[];
    readonly quotaBytes?: number;
    readonly storedBytes?: number;
  }[];
}

/** The quota of a tenant, and its use; undefined if it has none. */
function useOf({ quotaBytes, storedBytes }: LedgerAnswer['records'][number]): string | undefined {
  if (quotaBytes === undefined) return undefined;
  const used = storedBytes === undefined ? 'not counted yet' : formatBytes(storedBytes);
  return `${used} of ${formatBytes(quotaBytes)}`;
}

const status: Action = async (words, options) => {
  wordsOf(words);
  const answer = await askNode<LedgerAnswer>(options, { method: 'GET', path: '/cluster/security' });
  if (options.json === true) return say(JSON.stringify(answer));
  for (const record of answer.records) {
    const { id, isRevoked, expires, holder, rights } = record;
    const facts = [
      isRevoked ? 'revoked' : undefined,
      holder,
      expires && `until ${expires}`,
      ...rights.map(rightText),
      useOf(record),
    ];
    await say(`${id}  ${facts.filter((fact) => fact !== undefined).join('  ')}`);
  }
};

const grant: Action = async (words, options) => {
  const isKey = options.exact === true;
  const names = ['IDENTITY', isKey ? 'KEY' : 'PREFIX', 'VERB,…|none'];
  const [identity, prefix, verbs] = wordsOf(words, ...names);
  const all = isKey ? verbsOf(KEY_VERBS) : VERBS;
  const list = verbs === 'none' ? [] : verbs === 'all' ? all : verbs?.split(',');
  const place = isKey ? { key: prefix } : { prefix };
  await tellSpread(await change(options, 'grants', { identity, ...place, verbs: list }));
};

const quota: Action = async (words, options) => {
  const [tenant, size = ''] = wordsOf(words, 'TENANT', 'SIZE|none');
  const bytes = size === 'none' ? 0 : readBytes(size);
  if (bytes === undefined)
    throw new ExitError(EXIT.usage, `expected a size such as 10GiB, or none; got ${oneLine(size)}`);
  await tellSpread(await change(options, 'quotas', { tenant, bytes }));
};

/** Reads the whole file before it grants anything, so a mistake in it changes nothing. */
const importPolicy: Action = async (words, options) => {
  const [file = ''] = wordsOf(words, 'FILE');
  const grants = parseCasbinPolicy(file, readText(file));
  for (const one of grants) {
    const spread = await change<SpreadAnswer>(options, 'grants', { ...one });
    await say(`${one.identity}  ${rightText(one)}`);
    if (spread.lack.length > 0) await tellSpread(spread);
  }
};

const token: Action = async (words, options) => {
  const [identity] = wordsOf(words, 'IDENTITY');
  const { days } = options;
  const made = await change<SpreadAnswer & { readonly token: string; readonly expires: string }>(
    options,
    'tokens',
    days === undefined ? { identity } : { identity, days },
  );
  if (options.json === true) return say(JSON.stringify(made));
  await say(made.token);
};

const signer: Action = async (words, options) => {
  const [identity] = wordsOf(words, 'IDENTITY');
  const { days, key } = options;
  const publicKey = key === undefined ? undefined : readText(key);
  if (publicKey?.includes('PRIVATE KEY') === true)
    throw new ExitError(
      EXIT.usage,
      `${key} has a private key, which was not sent; give the public one: openssl pkey -pubout`,
    );
  const fields = { identity, ...(days !== undefined && { days }), ...(publicKey && { publicKey }) };
  const made = await change<SpreadAnswer & { readonly keyId: string; readonly secret?: string }>(
    options,
    'signers',
    fields,
  );
  if (options.json === true) return say(JSON.stringify(made));
  await say(made.secret === undefined ? made.keyId : `${made.keyId} ${made.secret}`);
};

const revoke: Action = async (words, options) => {
  const [id] = wordsOf(words, 'ID');
  await tellSpread(await change(options, 'revoke', { id }));
};

interface RotateAnswer {
  readonly node: string;
  readonly isDone: boolean;
  readonly waitsFor: readonly string[];
}

/** The words of a change of a node's key. */
const progressOf = ({ node, isDone, waitsFor }: RotateAnswer): string =>
  isDone
    ? `${node} has a new key`
    : `${node} gets its new key when all members have it on their disks; it waits for ` +
      (waitsFor.join(', ') || 'a majority of them');

const rotate: Action = async (words, options) => {
  const [key] = wordsOf(words.length === 0 ? ['node'] : words, 'node|tokens');
  // A key for tokens is one of the cluster, and that of a node is changed by the node.
  const urls = key === 'node' ? urlsOf(options).map((url) => ({ url })) : [{}];
  for (const one of urls) {
    const answer = await change<RotateAnswer>({ ...options, ...one }, 'rotate', { key });
    if (options.json === true) await say(JSON.stringify(answer));
    else if (key === 'node') await say(progressOf(answer));
    else await say('tokens get a new signature when all members have the new key');
  }
};

const reload: Action = async (words, options) => {
  wordsOf(words);
  await change(options, 'reload');
  await say('the node uses the certificates in its files');
};

/** The security directory of the node in `--node`. */
async function directoryOf({ node }: SecurityOptions): Promise<string> {
  if (node === undefined)
    throw new ExitError(
      EXIT.usage,
      'name the configuration of a node on this machine: --node FILE',
    );
  return securityDirectory((await loadConfig(node)).root);
}

const off: Action = async (words, options) => {
  wordsOf(words);
  const directory = await directoryOf(options);
  await writeFile(join(directory, SECURITY_FILES.mark), `${MARKS.off}\n`);
  await say('the node starts without security if its configuration says so');
};

const recover: Action = async (words, options) => {
  wordsOf(words);
  const directory = await directoryOf(options);
  const { records, text } = recovery(Math.floor(systemClock.wallMicros()), systemRandom);
  const file = join(directory, SECURITY_FILES.recovery);
  await writeFile(file, JSON.stringify(records), { mode: 0o600 });
  await say(text.reveal());
};

const renew: Action = async (words, options) => {
  wordsOf(words);
  const { node, dir } = options;
  if (node === undefined) throw new ExitError(EXIT.usage, 'name the node: --node FILE');
  await renewNode(dir, await loadConfig(node));
  await say('the node takes the new certificate after "mec security reload", or SIGHUP');
};

const certify: Action = async (words, options) => {
  const [identity = ''] = wordsOf(words, 'IDENTITY');
  if (!NODE_NAME_PATTERN.test(identity))
    throw new ExitError(EXIT.usage, `${oneLine(identity)} is no name of an identity`);
  for (const file of await certifyUser(options, identity)) await say(file);
};

const rekey: Action = async (words, options) => {
  wordsOf(words);
  await say(await runRekey(options));
};

const ACTIONS = {
  init,
  status,
  grant,
  quota,
  import: importPolicy,
  token,
  signer,
  revoke,
  rotate,
  reload,
  renew,
  certify,
  rekey,
  off,
  recover,
} as const;
