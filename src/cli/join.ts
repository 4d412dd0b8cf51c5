/**
 * The commands `mec join-token` and `mec join`: a new node gets into a secured cluster with one
 * command on each side.
 */
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { messageOf, StartError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { drawSecretKey, type KeyPair, keyPairOf } from '../base/x25519.ts';
import type { FetchInit } from '../client/world.ts';
import { systemWorld } from '../client/world.ts';
import type { Newcomer, Welcome } from '../cluster/joins.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { type JoinToken, parseJoinToken } from '../core/security/join-token.ts';
import { readAuthority, replaceFiles, writeNodeFiles } from '../embed/make-cluster.ts';
import { MARKS, SECURITY_FILES, securityDirectory } from '../embed/secured-root.ts';
import { EXIT } from './exit-codes.ts';
import { lightFetch } from '../adapters/light-fetch.ts';
import { askNode, askOne, ExitError, type RemoteOptions, reported, urlsOf } from './remote.ts';
import { print, remark } from './terminal.ts';

interface TokenOptions extends RemoteOptions {
  readonly dir: string;
  readonly name?: string;
  /** Minutes. */
  readonly ttl: number;
  /** The id of a token that shall end. */
  readonly cancel?: string;
}

/** Runs `mec join-token`. */
export function runJoinToken(given: unknown): Promise<void> {
  const options = given as TokenOptions;
  return reported(options, async () => {
    if (options.cancel !== undefined) return cancelToken(options, options.cancel);
    const { certificate, key } = await readAuthority(options.dir);
    // Only the node that makes a token knows it.
    const [url = ''] = urlsOf(options);
    const { name, ttl: minutes } = options;
    const body = Buffer.from(JSON.stringify({ name, minutes, certificate, key: key.reveal() }));
    const call = { method: 'POST', path: '/cluster/security/joins', body } as const;
    const answer = await askNode<{ readonly token: string }>({ ...options, url }, call);
    const shown = options.json === true ? JSON.stringify({ ...answer, url }) : answer.token;
    await print(process.stdout, `${shown}\n`);
    if (options.json !== true)
      remark(`the new node runs: MEC_TOKEN=… mec join --url ${url} --name ${name ?? 'NAME'}`);
    return EXIT.done;
  });
}

/** Ends a token before its time. */
async function cancelToken(options: TokenOptions, id: string): Promise<number> {
  const [url = ''] = urlsOf(options);
  // The whole token will do, and of it only the id is sent.
  const [one, , own = one] = id.split('.');
  const body = Buffer.from(JSON.stringify({ id: own }));
  const call = { method: 'POST', path: '/cluster/security/joins/cancel', body } as const;
  await askNode({ ...options, url }, call);
  await print(process.stdout, 'no node can join with this token any more\n');
  return EXIT.done;
}

interface JoinOptions {
  readonly url: string;
  readonly name: string;
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly httpport: number;
  readonly prepare?: boolean;
  readonly timeout: number;
}

/** Runs `mec join`. */
export async function runJoin(given: unknown): Promise<void> {
  const options = given as JoinOptions;
  let config: string | undefined;
  await reported({}, async () => {
    config = await joinCluster(options);
    return EXIT.done;
  });
  if (config === undefined) return;
  if (options.prepare === true) await print(process.stdout, `mec --config ${config}\n`);
  else await (await import('./run-node.ts')).runNode(config);
}

/** Gets the files of a node from the cluster. Resolves with the file of its configuration. */
async function joinCluster(options: JoinOptions): Promise<string> {
  const { url, name, dir, host, port, timeout: timeoutMs } = options;
  const text = new Secret(process.env['MEC_TOKEN'] ?? '');
  // The node runs on in this process: its crash reports and its children must not have the token.
  delete process.env['MEC_TOKEN'];
  const token = parseJoinToken(text.reveal());
  if (token === undefined)
    throw new ExitError(EXIT.usage, 'set MEC_TOKEN to a token of "mec join-token"');
  if (!NODE_NAME_PATTERN.test(name)) throw new ExitError(EXIT.usage, 'name the node: --name NAME');
  if (!URL.canParse(url) || !url.startsWith('https:'))
    throw new ExitError(EXIT.usage, 'name the node that made the token: --url https://…');
  const config = join(dir, `${name}.toml`);
  const root = join(dir, name);
  if (await isThere(config))
    throw new StartError(`${config} is there already; run it with mec --config ${config}`);
  const ca = await authorityAt(url, token, timeoutMs);
  const { nodeKey, certificateKey } = await keysOf(root);
  const newcomer: Newcomer = { name, host, port, nodeKey, certificateKey };
  const headers = { Authorization: `Bearer ${text.reveal()}` };
  const fetch = (to: string, init: FetchInit) =>
    lightFetch(to, { ...init, headers: { ...init.headers, ...headers } }, { ca });
  const body = Buffer.from(JSON.stringify(newcomer));
  const call = { method: 'POST', path: '/cluster/join', body } as const;
  const base = url.replace(/\/+$/, '');
  const welcome = await askOne<Welcome>({ ...systemWorld, fetch }, base, { call, timeoutMs });
  const { certificate, records } = welcome;
  await writeNodeFiles(root, { certificate, ca, ledger: JSON.stringify(records), mark: MARKS.on });
  await replaceFiles(dir, { [`${name}.toml`]: configOf(options, welcome) });
  return config;
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/**
 * The certificate of the authority of the node at a URL, if it is the one in the token. Nothing is
 * sent to the node but the beginning of TLS. The request itself checks that the authority has
 * signed for the node.
 */
function authorityAt(url: string, { ca }: JoinToken, timeoutMs: number): Promise<string> {
  const { hostname, port } = new URL(url);
  const host = hostname.replaceAll(/[[\]]/g, '');
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new StartError(`${reason}; the token was not sent to ${url}`));
    const options = { host, port: Number(port || 443), rejectUnauthorized: false };
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ ...options, ...name, timeout: timeoutMs }, () => {
      const certificate = chainOf(socket.getPeerX509Certificate()).find(
        ({ fingerprint256 }) => fingerprint256.replaceAll(':', '').toLowerCase() === ca,
      );
      socket.destroy();
      if (certificate === undefined) fail('The node is of another authority than the token');
      else resolve(certificate.toString());
    });
    socket.on('timeout', () => socket.destroy(new Error('no answer in time')));
    socket.on('error', (error) => fail(`No TLS: ${messageOf(error)}`));
  });
}

/** A certificate and those that have signed each other. The last one has signed itself. */
function chainOf(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one = leaf; one !== undefined && chain.length < MAX_CHAIN; one = one.issuerCertificate)
    chain.push(one);
  return chain;
}

/** Certificates that a node may send. It has one, and its authority another one. */
const MAX_CHAIN = 8;

/**
 * The public keys of a node that joins. The secret ones are in its root before anything is sent:
 * if the answer is lost, the node asks again with the same keys.
 */
async function keysOf(root: string): Promise<Pick<Newcomer, 'nodeKey' | 'certificateKey'>> {
  const directory = securityDirectory(root);
  const [curve, key] = [SECURITY_FILES.curve, SECURITY_FILES.key].map((name) =>
    join(directory, name),
  ) as [string, string];
  if (!(await isThere(curve)) || !(await isThere(key))) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeNodeFiles(root, {
      curve: drawSecretKey().reveal(),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
  }
  const pair = keyPairOf(new Secret((await readFile(curve, 'utf8')).trim())) as KeyPair;
  const certificateKey = createPublicKey(await readFile(key, 'utf8'));
  return {
    nodeKey: pair.publicKey,
    certificateKey: certificateKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** The configuration of the new node. */
function configOf({ name, host, port, httpport }: JoinOptions, welcome: Welcome): string {
  const { cluster, n, nodes } = welcome;
  return [
    `name = "${name}"\nroot = "${name}"\nhost = "${host}"`,
    `port = ${port}\nhttpport = ${httpport}`,
    ...(cluster === undefined ? [] : [`cluster = "${cluster}"`]),
    `\n[quorum]\nn = ${n}\n\n[security]\nmode = "on"\n`,
    ...nodes.map(
      (one) => `[[node]]\nname = "${one.name}"\nhost = "${one.host}"\nport = ${one.port}\n`,
    ),
  ].join('\n');
}
