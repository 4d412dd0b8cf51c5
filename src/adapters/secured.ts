/**
 * `mec-db/secured`: the part of a client at a secured cluster that needs Node.js. Its `fetch` takes
 * no authority of its caller, and a program should not need environment variables for that.
 */
import { type ClientWorld, systemWorld } from '../client/world.ts';
import { readClientFile, readText } from '../config/client-file.ts';
import { lightFetch, type TlsProofs } from './light-fetch.ts';

/** The certificates of a client, as PEM. */
export interface ClientTls {
  /** The authority of the cluster: the text of `ca.crt`. Default: those that Node.js knows. */
  readonly ca?: string | undefined;
  /** The certificate of an identity, and its key: a proof of their own, without a token. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The nodes in a client file, and the options of a client that proves the identity in it. */
export interface ClientFileOptions {
  readonly urls: readonly string[];
  readonly token: string | undefined;
  readonly world: ClientWorld;
}

/** A world for the option `world` of a client, which trusts this authority and no other. */
export function nodeWorld(tls: ClientTls): ClientWorld {
  const { ca, cert, key } = tls;
  const proofs: TlsProofs = { ca, cert, key };
  return { ...systemWorld, fetch: (url, init) => lightFetch(url, init, proofs) };
}

/**
 * Reads a client file, such as the `client.toml` that `mec security init` makes. Throws an error
 * with one line if it cannot be read, or if it names no nodes.
 *
 * @example
 *   const { urls, ...options } = clientFile('cluster/client.toml');
 *   const client = new MecClient(urls, options);
 */
export function clientFile(file: string): ClientFileOptions {
  const { url, ca, token } = readClientFile(file);
  if (url === undefined) throw new TypeError(`${file} names no nodes: it needs the key url`);
  const world = nodeWorld({ ca: ca === undefined ? undefined : readText(ca) });
  return { urls: url.split(',').map((one) => one.trim()), token: token?.reveal(), world };
}
