/** The file of a client, `client.toml`: the nodes of a cluster, their authority, and a token. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, StartError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { readTable } from './read.ts';
import { CLIENT_KEYS } from './rules.ts';

/** The values of the file. A value that it does not set is undefined. */
export interface ClientFile {
  /** URLs of nodes, separated by commas. */
  readonly url: string | undefined;
  /** The path of the certificate of the authority; the file names it from its own directory. */
  readonly ca: string | undefined;
  readonly token: Secret | undefined;
}

/** The text of a file. Throws `StartError` with one line. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartError(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads such a file. Throws `StartError` with one line. */
export function readClientFile(file: string): ClientFile {
  const { url, ca, token } = readTable(file, readText(file), CLIENT_KEYS);
  return {
    url,
    ca: ca === undefined ? undefined : resolve(dirname(file), ca),
    token: token === undefined ? undefined : new Secret(token),
  };
}
