/**
 * The files of secured clusters: the authority, the directories of nodes, the first administrator,
 * and the file of a client. Nothing of it needs a running node.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { httpUrl } from '../base/address.ts';
import { StartError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { systemClock, systemRandom } from '../base/system.ts';
import { drawSecretKey, type KeyPair, keyPairOf } from '../base/x25519.ts';
import type { Config } from '../cluster/config.ts';
import type { SignNewcomer } from '../cluster/joins.ts';
import { TOKEN_LIFE_MICROS } from '../core/limits.ts';
import { Ledger } from '../core/security/ledger.ts';
import { granted, issued, nodeKeyRecord } from '../core/security/ledger-change.ts';
import { ALL_VERBS } from '../core/security/verb.ts';
import { UNNAMED_CLUSTER } from '../http/tls.ts';
import { MARKS, SECURITY_FILES, securityDirectory } from './secured-root.ts';
import {
  type CertificateTerms,
  type KeyedCertificate,
  makeCertificate,
  signCertificate,
} from './certificates.ts';
import { DAY_MICROS, NODE_LIFE_MICROS } from './limits.ts';

/** The cluster to make. */
export interface InitOptions {
  readonly nodes: number;
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly httpport: number;
  /** The name of the cluster; undefined if it has none. */
  readonly cluster?: string | undefined;
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

/** The start of the names in certificates. The name of the cluster follows. */
const CLUSTER_URI = 'mec://';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

/** The authority of a cluster, which signs the certificates of nodes and users. */
const makeAuthority = (cluster: string | undefined, nowMicros: number): Promise<KeyedCertificate> =>
  makeCertificate(
    {
      commonName: 'MecDB authority',
      uris: cluster === undefined ? [] : [CLUSTER_URI + cluster],
      fromMicros: nowMicros - EARLIER_MICROS,
      untilMicros: nowMicros + CA_LIFE_MICROS,
    },
    systemRandom,
  );

interface NodePlace {
  readonly name: string;
  readonly host: string;
}

/** The name of the cluster that an authority signs for. Nodes have it, too. */
function clusterOf({ certificate }: KeyedCertificate): string {
  const names = new X509Certificate(certificate).subjectAltName ?? '';
  return names.startsWith(`URI:${CLUSTER_URI}`)
    ? names.slice(`URI:${CLUSTER_URI}`.length)
    : UNNAMED_CLUSTER;
}

/** The terms of the certificate of a node. */
const nodeTerms = (
  by: KeyedCertificate,
  { name, host }: NodePlace,
  nowMicros: number,
): CertificateTerms & { readonly by: KeyedCertificate } => ({
  by,
  commonName: name,
  hosts: [...new Set([host, 'localhost', '127.0.0.1', '::1'])],
  uris: [`${CLUSTER_URI}${clusterOf(by)}/node/${name}`],
  fromMicros: nowMicros - EARLIER_MICROS,
  untilMicros: nowMicros + NODE_LIFE_MICROS,
});

/** The certificate of a node. */
const makeNodeCertificate = (
  by: KeyedCertificate,
  place: NodePlace,
  nowMicros: number,
): Promise<KeyedCertificate> => makeCertificate(nodeTerms(by, place, nowMicros), systemRandom);

/** Signs the certificate of a node that joins. Resolves with it, as PEM. */
export const signNewcomer: SignNewcomer = (by, newcomer) => {
  const terms = nodeTerms(by, newcomer, Math.floor(systemClock.wallMicros()));
  return signCertificate({ ...terms, publicKey: newcomer.certificateKey }, systemRandom);
};

/** Signs the certificate of a node again, for the same key. Resolves with it, as PEM. */
export function signAgain(
  by: KeyedCertificate,
  { key, ...place }: NodePlace & { readonly key: Secret },
  nowMicros: number,
): Promise<string> {
  const spki = createPublicKey(createPrivateKey(key.reveal()));
  const publicKey = spki.export({ type: 'spki', format: 'pem' }).toString();
  return signCertificate({ ...nodeTerms(by, place, nowMicros), publicKey }, systemRandom);
}

/** A cluster to make. */
interface ClusterToSecure {
  /** The directory of the authority and of the file of a client. */
  readonly dir: string;
  readonly nodes: readonly NodeToSecure[];
  readonly urls: readonly string[];
  /** The life of the token of the administrator. */
  readonly tokenLifeMicros: number;
  /** The name of the cluster; undefined if it has none. */
  readonly cluster?: string | undefined;
  /** Whether the nodes run already, without keys. */
  readonly areRunning?: boolean;
}

/** A node of it. */
export interface NodeToSecure {
  readonly name: string;
  readonly host: string;
  readonly root: string;
}

/** The files that `secureNodes` makes in the directory of a cluster. */
export const CLUSTER_FILES = {
  authorityKey: 'ca.key',
  authority: 'ca.crt',
  client: 'client.toml',
  header: 'admin.header',
} as const;

/**
 * Makes the authority of a cluster in a directory, and the keys of its nodes in their roots. Then
 * makes the first administrator, and last the file of a client. Replaces such files, so that it may
 * be repeated after a crash.
 */
export async function secureNodes({
  dir,
  nodes,
  urls,
  tokenLifeMicros,
  cluster,
  areRunning = false,
}: ClusterToSecure): Promise<Secret> {
  const nowMicros = Math.floor(systemClock.wallMicros());
  const authority = await makeAuthority(cluster, nowMicros);
  await replaceFiles(dir, {
    [CLUSTER_FILES.authorityKey]: authority.key.reveal(),
    [CLUSTER_FILES.authority]: authority.certificate,
  });
  const ledger = new Ledger();
  ledger.merge([granted(ledger, { identity: ADMIN, prefix: '', verbs: ALL_VERBS })], nowMicros);
  const expiresMicros = nowMicros + tokenLifeMicros;
  const { record, text } = issued(ledger, { holder: ADMIN, expiresMicros }, systemRandom);
  ledger.merge([record], nowMicros);
  const keyed = nodes.map((node) => ({ node, key: drawSecretKey() }));
  for (const { node, key } of keyed) {
    const { publicKey } = keyPairOf(key) as KeyPair;
    ledger.merge([nodeKeyRecord(node.name, publicKey)], nowMicros);
  }
  for (const { node, key } of keyed) {
    const { certificate, key: own } = await makeNodeCertificate(authority, node, nowMicros);
    await writeNodeFiles(node.root, {
      certificate,
      key: own.reveal(),
      curve: key.reveal(),
      ca: authority.certificate,
      ledger: JSON.stringify(ledger.all),
      mark: areRunning ? MARKS.ready : MARKS.on,
    });
  }
  await writeClientFiles(dir, urls, text);
  return text;
}

/** Writes the files with which clients prove the identity of a token. */
export const writeClientFiles = (
  dir: string,
  urls: readonly string[],
  token: Secret,
): Promise<void> =>
  replaceFiles(dir, {
    [CLUSTER_FILES.header]: `Authorization: Bearer ${token.reveal()}`,
    [CLUSTER_FILES.client]: [
      `url = "${urls.join()}"`,
      `ca = "${CLUSTER_FILES.authority}"`,
      `token = "${token.reveal()}"`,
    ].join('\n'),
  });

/** Makes the files of a secured cluster. Rejects with `StartError` if the directory is there. */
export async function initCluster(options: InitOptions): Promise<InitResult> {
  const { dir, nodes, host, httpport, cluster } = options;
  await makeDirectory(dir);
  const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
  const urls = names.map((_, i) => httpUrl(host, httpport + i, 'https'));
  const token = await secureNodes({
    dir,
    nodes: names.map((name) => ({ name, host, root: join(dir, name) })),
    urls,
    tokenLifeMicros: TOKEN_LIFE_MICROS,
    cluster,
  });
  const configs = names.map((name) => join(dir, `${name}.toml`));
  const texts = names.map((name, i) => [`${name}.toml`, configOf(options, i)]);
  await replaceFiles(dir, Object.fromEntries(texts) as Record<string, string>);
  return { configs, clientFile: join(dir, CLUSTER_FILES.client), token };
}

/**
 * Makes the keys of a cluster that runs without any, in a new directory. Rejects with `StartError`
 * if the directory is there.
 */
export async function keysForCluster(
  { dir, cluster }: Pick<InitOptions, 'dir' | 'cluster'>,
  members: readonly NodePlace[],
  urls: readonly string[],
): Promise<Secret> {
  await makeDirectory(dir);
  const nodes = members.map((member) => ({ ...member, root: join(dir, member.name) }));
  return secureNodes({
    dir,
    nodes,
    urls,
    tokenLifeMicros: TOKEN_LIFE_MICROS,
    cluster,
    areRunning: true,
  });
}

async function makeDirectory(dir: string): Promise<void> {
  await mkdir(dir, { mode: PRIVATE_DIRECTORY }).catch((error: unknown) => {
    throw new StartError(`${dir} cannot be made, or is there already; choose another --dir`, {
      cause: error,
    });
  });
}

/** The configuration of one node. */
function configOf(options: InitOptions, index: number): string {
  const { nodes, host, port, httpport, cluster } = options;
  const name = `n${index + 1}`;
  const ports = Array.from({ length: nodes }, (_, i) => port + PORT_STEP * i);
  const others = ports.map(
    (one, i) => `[[node]]\nname = "n${i + 1}"\nhost = "${host}"\nport = ${one}\n`,
  );
  return [
    `name = "${name}"\nroot = "${name}"\nhost = "${host}"`,
    ...(cluster === undefined ? [] : [`cluster = "${cluster}"`]),
    `port = ${ports[index]}\nhttpport = ${httpport + index}\n`,
    '[security]\nmode = "on"\n',
    ...others,
  ].join('\n');
}

/** The authority in the directory of a cluster. Rejects with `StartError`. */
export async function readAuthority(dir: string): Promise<KeyedCertificate> {
  try {
    const [certificate, key] = await Promise.all([
      readFile(join(dir, CLUSTER_FILES.authority), 'utf8'),
      readFile(join(dir, CLUSTER_FILES.authorityKey), 'utf8'),
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

/**
 * Makes the certificate of an identity. The cluster is that of the authority, unless its nodes got
 * their name later. Resolves with the paths of certificate and key.
 */
export async function certifyUser(
  { dir, cluster }: Pick<InitOptions, 'dir' | 'cluster'>,
  identity: string,
): Promise<readonly string[]> {
  const nowMicros = Math.floor(systemClock.wallMicros());
  const by = await readAuthority(dir);
  const terms = {
    commonName: identity,
    uris: [`${CLUSTER_URI}${cluster ?? clusterOf(by)}/user/${identity}`],
    fromMicros: nowMicros - EARLIER_MICROS,
    untilMicros: nowMicros + NODE_LIFE_MICROS,
    by,
  };
  const { certificate, key } = await makeCertificate(terms, systemRandom);
  const files = { [`${identity}.crt`]: certificate, [`${identity}.key`]: key.reveal() };
  await replaceFiles(dir, files);
  return Object.keys(files).map((file) => join(dir, file));
}

/** Writes security files of a node, each of them at once. */
export async function writeNodeFiles(
  root: string,
  files: Readonly<Partial<Record<keyof typeof SECURITY_FILES, string>>>,
): Promise<void> {
  const directory = securityDirectory(root);
  await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY });
  const texts = Object.entries(files).map(([file, text]) => [
    SECURITY_FILES[file as keyof typeof SECURITY_FILES],
    text,
  ]);
  await replaceFiles(directory, Object.fromEntries(texts) as Record<string, string>);
}

/** Replaces files, each of them at once. */
export async function replaceFiles(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const next = join(directory, `${name}.next`);
    await writeFile(next, `${text.trim()}\n`, { mode: PRIVATE_FILE });
    await rename(next, join(directory, name));
  }
}
