/** The name of a node that is given none. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, StartError } from '../base/errors.ts';
import { systemRandom } from '../base/system.ts';
import { drawShortName, NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { makeDirectory } from '../storage/directory.ts';

/** Draws a name. */
export const drawNodeName = (): string => `mec-${drawShortName(systemRandom)}`;

/**
 * The name for the node of a data directory. It is drawn once and kept there, because a node of
 * another name must not use that data. Rejects with `StartError`.
 */
export async function keptName(root: string): Promise<string> {
  const file = join(root, 'name');
  try {
    const kept = await readFile(file, 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    );
    if (kept !== undefined && NODE_NAME_PATTERN.test(kept)) return kept;
    const name = drawNodeName();
    await makeDirectory(root);
    await writeFile(file, `${name}\n`);
    return name;
  } catch (error) {
    throw new StartError(`The data directory ${root} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
