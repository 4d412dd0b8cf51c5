/** The header of a store: its format, its partitions, the name of its node, and its data keys. */
import type { Log } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import { PARTITIONS } from '../core/limits.ts';
import type { DataKeys } from './at-rest/data-keys.ts';
import type { SealedPart } from './at-rest/resealing.ts';
import type { Engine, RowChange, RowReader } from './engine.ts';
import { refuseTaggedKeys } from './format-1.ts';
import { CONTENT_RANGE, HEADER_ROW } from './keyspace.ts';
import { openIntact, sealRecord } from './records.ts';

/** In format 1, checkpoints had an actor and its life. They can still be read. */
const OLDEST_FORMAT = 1;
const STORE_FORMAT = 2;
/** Format 2 with encrypted records. */
const SEALED_FORMAT = 3;

/** The header as it is kept. */
export interface StoreHeader {
  readonly format: number;
  readonly partitions: number;
  readonly name: string;
  /** The id of the data keys, and the part that the newest one has sealed; absent without keys. */
  readonly keys?: SealedPart & { readonly id: string };
}

/** The node that opens a store. */
export interface HeaderOptions {
  readonly nodeName: string;
  /** The keys with which the store is opened; undefined if it is not encrypted. */
  readonly keys: DataKeys | undefined;
}

/**
 * Reads the header; undefined if there is none, or if it is damaged. Throws `StartError` if this
 * version, this node or these keys are the wrong ones. With other keys, all records would count as
 * damaged, and be removed.
 */
export function readHeader(
  rows: Pick<RowReader, 'get'>,
  { nodeName, keys }: HeaderOptions,
): StoreHeader | undefined {
  const record = rows.get(HEADER_ROW);
  const header = record && (openIntact(record, HEADER_ROW) as StoreHeader | undefined);
  if (header === undefined) return undefined;
  assertReadable(header);
  if (header.name !== nodeName) {
    const names = `belongs to the node ${header.name}, and this node is ${nodeName}`;
    throw new StartError(`The store ${names}; use that name, or an empty directory`);
  }
  assertOpenedBy(keys, header);
  return header;
}

function assertReadable({ format, partitions }: StoreHeader): void {
  if (format < OLDEST_FORMAT || format > SEALED_FORMAT) {
    const known = `formats ${OLDEST_FORMAT} to ${SEALED_FORMAT}`;
    throw new StartError(
      `The store has format ${format}; this version reads ${known}. Use the version that wrote it`,
    );
  }
  if (partitions !== PARTITIONS) {
    throw new StartError(
      `The store has ${partitions} partitions; this version has ${PARTITIONS}. Use an empty directory`,
    );
  }
}

function assertOpenedBy(keys: DataKeys | undefined, header: StoreHeader): void {
  const sealed = header.keys;
  if (sealed === undefined) return;
  if (keys === undefined) throw new StartError('The store is encrypted; set its storage.masterkey');
  if (keys.id !== sealed.id || keys.newest < sealed.generation)
    throw new StartError(
      'The store is encrypted with other data keys; put the file data-keys.json of its root back',
    );
}

/** Writes the present header. Rejects with `StartError` if keys have another partition by now. */
export async function keepHeader(
  engine: Engine,
  header: StoreHeader | undefined,
  { nodeName, keys, life, log }: HeaderOptions & { readonly life: string; readonly log: Log },
): Promise<StoreHeader> {
  if (header?.format === OLDEST_FORMAT) await refuseTaggedKeys(engine);
  const present: StoreHeader = {
    format: keys === undefined ? STORE_FORMAT : SEALED_FORMAT,
    partitions: PARTITIONS,
    name: nodeName,
    ...(keys !== undefined && {
      keys: { id: keys.id, ...sealedPart(keys, header) },
    }),
  };
  await engine.commit([headerChange(present)], true);
  log.info('store opened', { format: header?.format, life });
  return present;
}

function sealedPart({ newest }: DataKeys, header: StoreHeader | undefined): SealedPart {
  if (header?.keys?.generation === newest) return header.keys;
  return { generation: newest, until: CONTENT_RANGE.from };
}

/** The header with another sealed part. */
export const headerOfPart = (header: StoreHeader, part: SealedPart): StoreHeader =>
  header.keys === undefined ? header : { ...header, keys: { ...header.keys, ...part } };

/** The row of a header. */
export const headerChange = (header: StoreHeader): RowChange => ({
  key: HEADER_ROW,
  value: sealRecord(header, HEADER_ROW),
});
