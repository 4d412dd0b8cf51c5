/**
 * The credentials of a command: from the file of a client, or from the environment. No option has a
 * token, because all users of a machine can see the options of a program.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, StartError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { FetchInit, FetchResponse } from '../client/world.ts';
import { parseClientFile } from '../config/client-file.ts';
import { lightFetch } from './light-fetch.ts';

/** The proofs of a command, and the nodes in the file that it has them from. */
export interface CliCredentials {
  readonly url: string | undefined;
  readonly token: Secret | undefined;
  /** The certificate of the authority of the nodes, as PEM. */
  readonly ca: string | undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartError(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The credentials in a client file, if there is one, and in `MEC_TOKEN` and `MEC_CA`, which replace
 * them. Throws `StartError`.
 */
export function credentialsOf(file: string | undefined): CliCredentials {
  const { MEC_TOKEN: token, MEC_CA: ca } = process.env;
  const given = file === undefined ? undefined : parseClientFile(file, readText(file));
  const path = ca ?? (given?.ca && resolve(dirname(file ?? ''), given.ca));
  return {
    url: given?.url,
    token: token === undefined || token === '' ? given?.token : new Secret(token),
    ca: path === undefined ? undefined : readText(path),
  };
}

/** A `fetch` that proves the identity of the command to nodes with TLS, and to no others. */
export const fetchWith =
  ({ token, ca }: Omit<CliCredentials, 'url'>) =>
  (url: string, init: FetchInit): Promise<FetchResponse> => {
    if (!url.startsWith('https:')) return lightFetch(url, init);
    const proof: Record<string, string> =
      token === undefined ? {} : { Authorization: `Bearer ${token.reveal()}` };
    return lightFetch(url, { ...init, headers: { ...init.headers, ...proof } }, ca);
  };
