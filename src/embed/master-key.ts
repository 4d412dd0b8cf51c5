/** The master key of an encrypted store, which is not on the disk of the store. */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { CIPHER_KEY_BYTES, CipherKey } from '../base/cipher.ts';
import { messageOf, StartError } from '../base/errors.ts';
import type { Config } from '../cluster/config.ts';
import { MASTER_KEY_COMMAND_MS, MAX_MASTER_KEY_CHARS } from './limits.ts';

/** Anyone but the owner may do something with a file. */
const OTHERS = 0o077;

/** The source of a master key: a file or a command. */
export type MasterKeySource = Pick<Config['storage'], 'masterKeyFile' | 'masterKeyCommand'>;

/** Whether there is a master key. */
export const isGiven = ({ masterKeyFile, masterKeyCommand }: MasterKeySource): boolean =>
  (masterKeyFile ?? masterKeyCommand) !== undefined;

/** Reads the master key. Rejects with `StartError`, whose message has nothing of the key. */
export async function readMasterKey({
  masterKeyFile,
  masterKeyCommand = '',
}: MasterKeySource): Promise<CipherKey> {
  const [source, text] =
    masterKeyFile === undefined
      ? ['the command of the master key', await outputOf(masterKeyCommand)]
      : [masterKeyFile, await privateText(masterKeyFile)];
  const key = keyOf(text.trim());
  if (key !== undefined) return key;
  throw new StartError(
    `${source} has no master key: ${2 * CIPHER_KEY_BYTES} hexadecimal digits are one, ` +
      `as "openssl rand -hex ${CIPHER_KEY_BYTES}" prints them`,
  );
}

const keyOf = (text: string): CipherKey | undefined =>
  /^[0-9a-fA-F]+$/.test(text) && text.length === 2 * CIPHER_KEY_BYTES
    ? new CipherKey(Buffer.from(text, 'hex'))
    : undefined;

async function privateText(file: string): Promise<string> {
  try {
    const { mode, size } = await stat(file);
    if ((mode & OTHERS) !== 0)
      throw new StartError(`${file} can be used by others; close it with chmod go= ${file}`);
    return size > MAX_MASTER_KEY_CHARS ? '' : await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`Cannot read the master key: ${messageOf(error)}`, { cause: error });
  }
}

function outputOf(command: string): Promise<string> {
  const bounds = { timeout: MASTER_KEY_COMMAND_MS, maxBuffer: MAX_MASTER_KEY_CHARS };
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', command], bounds, (error, output) => {
      if (error === null) return resolve(output);
      // The error of Node repeats what the command has printed.
      const how = error.killed === true ? 'took too long' : `ended with ${String(error.code)}`;
      reject(new StartError(`The command of the master key ${how}; run it by hand to see why`));
    });
  });
}
