/**
 * The file `data-keys.json` in the root of an encrypted node: its data keys, wrapped by the master
 * key. It is replaced as a whole, by one program at a time.
 */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CipherKey } from '../base/cipher.ts';
import { messageOf, StartError } from '../base/errors.ts';
import { systemRandom } from '../base/system.ts';
import type { Config } from '../cluster/config.ts';
import type { AtRest } from '../storage/at-rest/at-rest.ts';
import { DataKeys, withoutKeysBefore } from '../storage/at-rest/data-keys.ts';
import { makeDirectory } from '../storage/directory.ts';
import { isGiven, readMasterKey } from './master-key.ts';

const FILE_NAME = 'data-keys.json';

/** The part of a configuration that says how a store is encrypted. */
export type EncryptedConfig = Pick<Config, 'root' | 'storage'>;

/** The data keys of a node, in its root. */
export class DataKeyFile implements AtRest {
  readonly keys: DataKeys;
  readonly #path: string;
  /** The text of new keys, until the file has it. */
  #unsaved: string | undefined;

  private constructor(path: string, keys: DataKeys, unsaved: string | undefined) {
    this.#path = path;
    this.keys = keys;
    this.#unsaved = unsaved;
  }

  /**
   * Opens the keys of a node, or draws the first one; undefined if the node is not encrypted.
   * Rejects with `StartError` if the master key is missing, or is a wrong one.
   */
  static async open({ root, storage }: EncryptedConfig): Promise<DataKeyFile | undefined> {
    const path = join(root, FILE_NAME);
    const text = await readIfThere(path);
    if (!isGiven(storage)) {
      if (text === undefined) return undefined;
      throw new StartError(`The store in ${root} is encrypted; set its storage.masterkey`);
    }
    const master = await readMasterKey(storage);
    if (text !== undefined)
      return new DataKeyFile(path, DataKeys.open(path, text, master), undefined);
    const keys = DataKeys.draw(systemRandom);
    return new DataKeyFile(path, keys, keys.toText(master, systemRandom));
  }

  async keep(): Promise<void> {
    const unsaved = this.#unsaved;
    if (unsaved === undefined) return;
    await makeDirectory(dirname(this.#path));
    await replaceFile(this.#path, async () => unsaved);
    this.#unsaved = undefined;
  }

  async dropBefore(generation: number): Promise<void> {
    if (this.keys.count === 1) return;
    await replaceFile(this.#path, async (text) => withoutKeysBefore(this.#path, text, generation));
  }

  /**
   * Reads the file again, and takes over new keys. Rejects with `StartError`. Without a master key
   * nothing changes before a start, which refuses that.
   */
  async reload({ storage }: EncryptedConfig): Promise<void> {
    if (!isGiven(storage)) return;
    const master = await readMasterKey(storage);
    const text = await readFile(this.#path, 'utf8');
    this.keys.join(DataKeys.open(this.#path, text, master));
  }
}

/** A change of the data keys of a node. */
export interface Rekeying {
  /** The master key that wraps the data keys from now on; undefined if it stays. */
  readonly master?: CipherKey | undefined;
  /** Whether to add a data key. */
  readonly isNewKey: boolean;
}

/** Changes the data keys of a node, which may run. Rejects with `StartError`. */
export async function rekey(
  { root, storage }: EncryptedConfig,
  { master, isNewKey }: Rekeying,
): Promise<void> {
  const path = join(root, FILE_NAME);
  if (!isGiven(storage) || (await readIfThere(path)) === undefined)
    throw new StartError(`The store in ${root} is not encrypted; set storage.masterkey, and start`);
  const present = await readMasterKey(storage);
  await replaceFile(path, async (text) => {
    const keys = DataKeys.open(path, text, present);
    if (isNewKey) keys.add(systemRandom);
    return keys.toText(master ?? present, systemRandom);
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new StartError(`Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Replaces the text of a file, durably, or leaves it as it is. The next text is written to a file
 * of its own, which two programs cannot make at the same time.
 */
async function replaceFile(path: string, change: (text: string) => Promise<string>): Promise<void> {
  const next = `${path}.new`;
  const file = await open(next, 'wx', 0o600).catch((error: unknown) => {
    throw new StartError(
      `Cannot make ${next}: ${messageOf(error)}; if no other program changes the keys, remove it`,
      { cause: error },
    );
  });
  try {
    await file.writeFile(await change((await readIfThere(path)) ?? ''));
    await file.sync();
    await file.close();
    await rename(next, path);
  } catch (error) {
    await file.close();
    await rm(next, { force: true });
    throw error;
  }
  const directory = await open(dirname(path), 'r');
  await directory.sync().finally(() => directory.close());
}
