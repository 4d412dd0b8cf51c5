/**
 * `mec security init`: makes the authority of a cluster, the directories of its nodes, the first
 * administrator, and the file of a client. Nothing of it needs a running node.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { httpUrl } from '../base/address.ts';
import { StartError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { systemClock, systemRandom } from '../base/system.ts';
import { drawSecretKey, type KeyPair, keyPairOf } from '../base/x25519.ts';
import type { Config } from '../cluster/config.ts';
import { TOKEN_LIFE_MICROS } from '../core/limits.ts';
import { Ledger } from '../core/security/ledger.ts';
import { granted, issued, nodeKeyRecord } from '../core/security/ledger-change.ts';
import { ALL_VERBS } from '../core/security/verb.ts';
import { MARKS, SECURITY_FILES, securityDirectory } from '../embed/secured-root.ts';
import { type KeyedCertificate, makeCertificate } from './certificates.ts';
import { DAY_MICROS, NODE_LIFE_MICROS } from './limits.ts';

/** The cluster to make. */
export interface InitOptions {
  readonly nodes: number;
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly httpport: number;
}

/** The files that it has made, and the token of the administrator. */
export interface InitResult {
  readonly configs: readonly string[];
  readonly clientFile: string;
  readonly token: Secret;
}

/** The name of the first administrator. */
const ADMIN = 'admin';

const CA_LIFE_MICROS = 3_650 * DAY_MICROS;
/** The clocks of nodes and clients may be behind that of this machine. */
const EARLIER_MICROS = 3_600 * 1e6;

/** Each node has one port for HTTP, and two others. */
const PORT_STEP = 10;

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

/** Writes a file that only its owner can read. Rejects if it is there already. */
const writePrivate = (file: string, text: string): Promise<void> =>
  writeFile(file, text, { mode: PRIVATE_FILE, flag: 'wx' });

/** The authority of a cluster, which signs the certificates of nodes and users. */
const makeAuthority = (nowMicros: number): Promise<KeyedCertificate> =>
  makeCertificate(
    {
      commonName: 'MecDB authority',
      fromMicros: nowMicros - EARLIER_MICROS,
      untilMicros: nowMicros + CA_LIFE_MICROS,
    },
    systemRandom,
  );

/** The certificate of a node. */
const makeNodeCertificate = (
  by: KeyedCertificate,
  { name, host }: { readonly name: string; readonly host: string },
  nowMicros: number,
): Promise<KeyedCertificate> =>
  makeCertificate(
    {
      commonName: name,
      hosts: [...new Set([host, 'localhost', '127.0.0.1', '::1'])],
      uri: `mec://mec/node/${name}`,
      fromMicros: nowMicros - EARLIER_MICROS,
      untilMicros: nowMicros + NODE_LIFE_MICROS,
      by,
    },
    systemRandom,
  );

/** Makes the files of a secured cluster. Rejects with `StartError` if the directory is there. */
export async function initCluster(options: InitOptions): Promise<InitResult> {
  const { dir, nodes, host, httpport } = options;
  const nowMicros = Math.floor(systemClock.wallMicros());
  await mkdir(dir, { mode: PRIVATE_DIRECTORY }).catch((error: unknown) => {
    throw new StartError(`${dir} cannot be made, or is there already; choose another --dir`, {
      cause: error,
    });
  });
  const authority = await makeAuthority(nowMicros);
  await writePrivate(join(dir, 'ca.key'), authority.key.reveal());
  await writePrivate(join(dir, 'ca.crt'), authority.certificate);
  const ledger = new Ledger();
  ledger.merge([granted(ledger, { identity: ADMIN, prefix: '', verbs: ALL_VERBS })], nowMicros);
  const expiresMicros = nowMicros + TOKEN_LIFE_MICROS;
  const { record, text } = issued(ledger, { holder: ADMIN, expiresMicros }, systemRandom);
  ledger.merge([record], nowMicros);
  const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
  const keys = names.map(() => drawSecretKey());
  for (const [i, key] of keys.entries()) {
    const { publicKey } = keyPairOf(key) as KeyPair;
    ledger.merge([nodeKeyRecord(names[i] as string, publicKey)], nowMicros);
  }
  const configs: string[] = [];
  for (const [i, name] of names.entries()) {
    const keyed = await makeNodeCertificate(authority, { name, host }, nowMicros);
    const directory = join(dir, name, 'security');
    await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
    const files: Readonly<Record<string, string>> = {
      [SECURITY_FILES.certificate]: keyed.certificate,
      [SECURITY_FILES.key]: keyed.key.reveal(),
      [SECURITY_FILES.curve]: (keys[i] as Secret).reveal(),
      [SECURITY_FILES.ca]: authority.certificate,
      [SECURITY_FILES.ledger]: JSON.stringify(ledger.all),
      [SECURITY_FILES.mark]: MARKS.on,
    };
    for (const [file, content] of Object.entries(files))
      await writePrivate(join(directory, file), `${content.trim()}\n`);
    const config = join(dir, `${name}.toml`);
    await writePrivate(config, configOf(options, i));
    configs.push(config);
  }
  const urls = names.map((_, i) => httpUrl(host, httpport + i, 'https')).join();
  const clientFile = join(dir, 'client.toml');
  await writePrivate(clientFile, `url = "${urls}"\nca = "ca.crt"\ntoken = "${text.reveal()}"\n`);
  return { configs, clientFile, token: text };
}

/** The configuration of one node. */
function configOf({ nodes, host, port, httpport }: InitOptions, index: number): string {
  const name = `n${index + 1}`;
  const ports = Array.from({ length: nodes }, (_, i) => port + PORT_STEP * i);
  const others = ports.map(
    (one, i) => `[[node]]\nname = "n${i + 1}"\nhost = "${host}"\nport = ${one}\n`,
  );
  return [
    `name = "${name}"\nroot = "${name}"\nhost = "${host}"`,
    `port = ${ports[index]}\nhttpport = ${httpport + index}\n`,
    '[security]\nmode = "on"\n',
    ...others,
  ].join('\n');
}

/** The authority in the directory of a cluster. Rejects with `StartError`. */
async function readAuthority(dir: string): Promise<KeyedCertificate> {
  try {
    const [certificate, key] = await Promise.all([
      readFile(join(dir, 'ca.crt'), 'utf8'),
      readFile(join(dir, 'ca.key'), 'utf8'),
    ]);
    return { certificate, key: new Secret(key) };
  } catch (error) {
    throw new StartError(`${dir} has no authority: ca.crt and ca.key`, { cause: error });
  }
}

/** Replaces the certificate of a node in its root. The node uses it after a reload. */
export async function renewNode(
  dir: string,
  { name, host, root }: Pick<Config, 'name' | 'host' | 'root'>,
): Promise<void> {
  const nowMicros = Math.floor(systemClock.wallMicros());
  const keyed = await makeNodeCertificate(await readAuthority(dir), { name, host }, nowMicros);
  await replaceFiles(securityDirectory(root), {
    [SECURITY_FILES.certificate]: keyed.certificate,
    [SECURITY_FILES.key]: keyed.key.reveal(),
  });
}

/** Makes the certificate of an identity. Resolves with the paths of certificate and key. */
export async function certifyUser(dir: string, identity: string): Promise<readonly string[]> {
  const nowMicros = Math.floor(systemClock.wallMicros());
  const terms = {
    commonName: identity,
    uri: `mec://mec/user/${identity}`,
    fromMicros: nowMicros - EARLIER_MICROS,
    untilMicros: nowMicros + NODE_LIFE_MICROS,
    by: await readAuthority(dir),
  };
  const { certificate, key } = await makeCertificate(terms, systemRandom);
  const files = { [`${identity}.crt`]: certificate, [`${identity}.key`]: key.reveal() };
  await replaceFiles(dir, files);
  return Object.keys(files).map((file) => join(dir, file));
}

/** Replaces files, each of them at once. */
async function replaceFiles(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const next = join(directory, `${name}.next`);
    await writeFile(next, `${text.trim()}\n`, { mode: PRIVATE_FILE });
    await rename(next, join(directory, name));
  }
}
