/** `mec security rekey`: another data key, or another master key, for the disk of a node. */
import { rekey } from '../embed/data-key-file.ts';
import { readMasterKey } from '../embed/master-key.ts';
import { EXIT } from './exit-codes.ts';
import { ExitError } from './remote.ts';
import { loadConfig } from './run-node.ts';

/** The options of `mec security rekey`. */
export interface RekeyOptions {
  /** The configuration of a node on this machine. */
  readonly node?: string;
  /** The file of the next master key; without it, the node gets another data key. */
  readonly masterkey?: string;
}

/** Changes a key of the node in `--node`. Resolves with what the operator must do next. */
export async function runRekey({ node, masterkey }: RekeyOptions): Promise<string> {
  if (node === undefined)
    throw new ExitError(
      EXIT.usage,
      'name the configuration of a node on this machine: --node FILE',
    );
  const config = await loadConfig(node);
  if (masterkey === undefined) {
    await rekey(config, { isNewKey: true });
    return 'the node uses the new data key after SIGHUP or a restart, and rewrites its records';
  }
  const master = await readMasterKey({ masterKeyFile: masterkey });
  await rekey(config, { master, isNewKey: false });
  return `set storage.masterkey to ${masterkey} in ${node} before the next start`;
}
