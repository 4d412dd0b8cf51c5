/** The command `mec rejoin`, which takes back a node that was declared gone by mistake. */
import { StartError } from '../base/errors.ts';
import { streamLog } from '../base/stream-log.ts';
import { systemClock, systemRandom } from '../base/system.ts';
import { SYNC_LIMITS } from '../cluster/limits.ts';
import { prepareRejoin } from '../cluster/membership/rejoin.ts';
import { drawShortName } from '../core/causality/actor.ts';
import { DataKeyFile } from '../embed/data-key-file.ts';
import { openLevelEngine } from '../storage/level.ts';
import { Store } from '../storage/store.ts';
import type { CommandArguments } from './command.ts';
import { loadConfig } from './run-node.ts';
import { print } from './terminal.ts';

/** Runs `mec rejoin`. Rejects with `StartError`. */
export async function runRejoin([name = '', file = '']: CommandArguments): Promise<void> {
  const config = await loadConfig(file);
  if (config.name !== name)
    throw new StartError(`${file} is the configuration of ${config.name}, and not of ${name}`);
  const store = await Store.open({
    env: { clock: systemClock, random: systemRandom, log: streamLog(process.stderr) },
    nodeName: name,
    life: drawShortName(systemRandom),
    openEngine: () => openLevelEngine(config.root),
    atRest: await DataKeyFile.open(config),
    sync: true,
    maxLogEntries: SYNC_LIMITS.maxLogEntries,
  });
  try {
    await prepareRejoin(store, name);
  } finally {
    await store.close();
  }
  await print(process.stdout, `${name} joins again when it is started\n`);
}
