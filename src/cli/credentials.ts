/**
 * The credentials of a command: from the file of a client, or from the environment. No option has a
 * token, because all users of a machine can see the options of a program.
 */
import { lightFetch } from '../adapters/light-fetch.ts';
import { Secret } from '../base/secret.ts';
import type { ClientWorld } from '../client/world.ts';
import { readClientFile, readText } from '../config/client-file.ts';

/** The proofs of a command, and the nodes in the file that it has them from. */
export interface CliCredentials {
  readonly url: string | undefined;
  readonly token: Secret | undefined;
  /** The certificate of the authority of the nodes, as PEM. */
  readonly ca: string | undefined;
}

/**
 * The credentials in a client file, if there is one, and in `MEC_TOKEN` and `MEC_CA`, which replace
 * them. Throws `StartError`.
 */
export function credentialsOf(file: string | undefined): CliCredentials {
  const { MEC_TOKEN: token, MEC_CA: ca } = process.env;
  const given = file === undefined ? undefined : readClientFile(file);
  const path = ca ?? given?.ca;
  return {
    url: given?.url,
    token: token === undefined || token === '' ? given?.token : new Secret(token),
    ca: path === undefined ? undefined : readText(path),
  };
}

/** The credentials in a client file alone, whatever the environment has. Throws `StartError`. */
export function credentialsIn(file: string): CliCredentials {
  const { url, token, ca } = readClientFile(file);
  return { url, token, ca: ca === undefined ? undefined : readText(ca) };
}

/** The headers that prove the identity of a command. */
export const proofOf = ({ token }: Pick<CliCredentials, 'token'>): Record<string, string> =>
  token === undefined ? {} : { Authorization: `Bearer ${token.reveal()}` };

/** A `fetch` that proves the identity of the command to nodes with TLS, and to no others. */
export const fetchWith =
  ({ token, ca }: Omit<CliCredentials, 'url'>): ClientWorld['fetch'] =>
  (url, init) => {
    if (!url.startsWith('https:')) return lightFetch(url, init);
    return lightFetch(
      url,
      { ...init, headers: { ...init.headers, ...proofOf({ token }) } },
      { ca },
    );
  };
