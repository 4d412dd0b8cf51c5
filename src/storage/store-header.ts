/** The header of a store: its format, its partitions and the name of its node. */
import type { Log } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import { PARTITIONS } from '../core/limits.ts';
import type { Engine } from './engine.ts';
import { refuseTaggedKeys } from './format-1.ts';
import * as keyspace from './keyspace.ts';
import { openIntact, sealRecord } from './records.ts';

/** In format 1, checkpoints had an actor and its life. They can still be read. */
const OLDEST_FORMAT = 1;
const STORE_FORMAT = 2;
const HEADER_ROW = keyspace.metaRow('header');

interface Header {
  readonly format: number;
  readonly partitions: number;
  readonly name: string;
}

/** The node that opens a store. */
export interface HeaderOptions {
  readonly nodeName: string;
  readonly life: string;
  readonly log: Log;
}

/**
 * Checks the header, and writes the present one. Rejects with `StartError` if this version cannot
 * read the store, or if it belongs to a node of another name: the data here would count for the
 * wrong member.
 */
export async function keepHeader(
  engine: Engine,
  { nodeName, life, log }: HeaderOptions,
): Promise<void> {
  const record = engine.get(HEADER_ROW);
  const kept = record === undefined ? undefined : openIntact(record, HEADER_ROW);
  const header = kept === undefined ? undefined : checkHeader(kept as Header);
  if (header !== undefined && header.name !== nodeName) {
    const names = `belongs to the node ${header.name}, and this node is ${nodeName}`;
    throw new StartError(`The store ${names}; use that name, or an empty directory`);
  }
  if (header?.format === OLDEST_FORMAT) await refuseTaggedKeys(engine);
  const present: Header = { format: STORE_FORMAT, partitions: PARTITIONS, name: nodeName };
  await engine.commit([{ key: HEADER_ROW, value: sealRecord(present, HEADER_ROW) }], true);
  log.info('store opened', { format: header?.format, life });
}

function checkHeader(header: Header): Header {
  if (header.format < OLDEST_FORMAT || header.format > STORE_FORMAT) {
    const known = `formats ${OLDEST_FORMAT} to ${STORE_FORMAT}`;
    throw new StartError(
      `The store has format ${header.format}; this version reads ${known}. Use the version that wrote it`,
    );
  }
  if (header.partitions !== PARTITIONS) {
    throw new StartError(
      `The store has ${header.partitions} partitions; this version has ${PARTITIONS}. Use an empty directory`,
    );
  }
  return header;
}
