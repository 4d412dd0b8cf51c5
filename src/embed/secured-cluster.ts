/** The security of an embedded cluster: an authority, the keys of its nodes, and a client file. */
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readClientFile } from '../config/client-file.ts';
import { MAX_TOKEN_LIFE_MICROS } from '../core/limits.ts';
import {
  CLUSTER_FILES,
  type NodeToSecure,
  renewNode,
  secureNodes,
  writeClientFiles,
} from './make-cluster.ts';

/** The files of one cluster. */
export interface EmbeddedSecurity {
  /** The directory with the roots of the nodes. */
  readonly dir: string;
  /** Removes what is not meant to last. */
  readonly remove: () => Promise<void>;
}

/** Finds the directory of a cluster: the given one, or one that lasts as long as the cluster. */
export async function embeddedSecurity(root: string | undefined): Promise<EmbeddedSecurity> {
  if (root === undefined) {
    const dir = await mkdtemp(join(tmpdir(), 'mec-cluster-'));
    return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
  }
  await mkdir(root, { recursive: true });
  return { dir: root, remove: async () => {} };
}

/**
 * Makes the keys of a cluster, or finds those of its earlier start, with certificates that have not
 * expired. Resolves with the path of the client file.
 */
export async function secureEmbedded(
  dir: string,
  nodes: readonly NodeToSecure[],
  urls: readonly string[],
): Promise<string> {
  const file = join(dir, CLUSTER_FILES.client);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) {
    for (const node of nodes) await renewNode(dir, node);
    const { token } = readClientFile(file);
    // The ports may be others.
    if (token !== undefined) await writeClientFiles(dir, urls, token);
  } else await secureNodes({ dir, nodes, urls, tokenLifeMicros: MAX_TOKEN_LIFE_MICROS });
  return file;
}
