/** The file of a client, `client.toml`: the nodes of a cluster, their authority, and a token. */
import { Secret } from '../base/secret.ts';
import { readTable } from './read.ts';
import { CLIENT_KEYS } from './rules.ts';

/** The values of the file. A value that it does not set is undefined. */
export interface ClientFile {
  /** URLs of nodes, separated by commas. */
  readonly url: string | undefined;
  /** The path of the certificate of the authority. */
  readonly ca: string | undefined;
  readonly token: Secret | undefined;
}

/** Parses the text of such a file. Throws `StartError` with one line. */
export function parseClientFile(file: string, text: string): ClientFile {
  const { url, ca, token } = readTable(file, text, CLIENT_KEYS);
  return { url, ca, token: token === undefined ? undefined : new Secret(token) };
}
