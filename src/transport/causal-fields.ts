/** The fields for the dots, objects, contexts and memories of replicas. */
import {
  MAX_ACTOR_CHARS,
  MAX_HELD_KEY_BYTES,
  MAX_IDEMPOTENCY_KEY_CHARS,
  MAX_MEMORIES,
  PARTITIONS,
} from '../core/limits.ts';
import { CausalContext, type PackedContext } from '../core/causality/causal-context.ts';
import type { Floor } from '../core/causality/floor.ts';
import { readContent } from '../core/value/content.ts';
import { isKey, isKeyStart, isUserKey } from '../core/value/key.ts';
import {
  bytes,
  type Field,
  fitting,
  flag,
  integer,
  itemsOf,
  list,
  number,
  omissible,
  optional,
  positive,
  type RecordOf,
  text,
  UnknownFloorError,
  WireError,
} from './field.ts';
import { record, rows } from './record.ts';
import {
  MAX_CONTEXT_RANGES,
  MAX_MESSAGE_DOTS,
  MAX_MESSAGE_VERSIONS,
  MAX_NAME_CHARS,
} from './limits.ts';

/** A name that a node has drawn or hashed: of a life, a replica, a ballot, a floor. */
export const name = text(MAX_NAME_CHARS);

const keyText = text(MAX_HELD_KEY_BYTES);

/** A key that a replica may hold. */
export const key = fitting(keyText, isKey, 'a key');

/** A key that a client may write. */
export const userKey = fitting(keyText, isUserKey, 'a key of a user');

/** The beginning of a key, which may be empty. */
export const keyStart = fitting(keyText, (start) => isKeyStart(start), 'the beginning of a key');

/** An idempotency key: visible ASCII. */
export const idempotencyKey = fitting(
  text(MAX_IDEMPOTENCY_KEY_CHARS),
  (value) => /^[!-~]+$/.test(value),
  'an idempotency key',
);

/** A partition. */
export const partition = fitting(integer, (n) => n < PARTITIONS, 'a partition');

/** Some of all partitions. */
export const partitions = list(partition, PARTITIONS);

/** The hashes of floors, at most one of each partition. */
export const floorNames = list(name, PARTITIONS);

const dotFields = { actor: text(MAX_ACTOR_CHARS), counter: positive } as const;

/** An actor. */
export const { actor } = dotFields;

/** One dot. */
export const dot = record(dotFields);

/** A list of dots. */
export const dots = rows(dotFields, MAX_MESSAGE_DOTS);

/** Versions whose bodies may be left out. */
export const sparseVersions = rows({ ...dotFields, body: optional(bytes) }, MAX_MESSAGE_VERSIONS);

/** Versions with their bodies. */
export const versions = rows({ ...dotFields, body: bytes }, MAX_MESSAGE_VERSIONS);

/** A causal context on no floor. */
export const wholeContext: Field<CausalContext> = {
  pack: (context) => context.pack(),
  unpack: (packed) => {
    const context = CausalContext.unpack(packed, MAX_CONTEXT_RANGES);
    if (context === undefined) throw new WireError('not a context');
    return context;
  },
};

/**
 * A causal context: packed on a floor that the receiver knows, or whole if it covers none of these.
 */
export const context: Field<CausalContext> = {
  pack: (value, { floors }) => packContext(value, floors),
  unpack: (packed, find) => {
    const floorName = CausalContext.floorOf(packed);
    if (floorName === undefined) return wholeContext.unpack(packed, find);
    const floor = find(name.unpack(floorName, find));
    if (floor === undefined) throw new UnknownFloorError();
    const unpacked = CausalContext.unpackOn(floor, itemsOf(packed, Infinity), MAX_CONTEXT_RANGES);
    if (unpacked === undefined) throw new WireError('not a context');
    return unpacked;
  },
};

function packContext(value: CausalContext, known: readonly Floor[]): PackedContext {
  if (known.length === 0) return value.pack();
  if (known.includes(value.floor)) return value.packOn(value.floor);
  return value.packOn(known.length === 1 ? known[0] : undefined);
}

interface Covering {
  readonly context: CausalContext;
  readonly versions: readonly { readonly actor: string; readonly counter: number }[];
}

/** Throws `WireError` if a version is not in its context. */
export function checkCovered({ context: known, versions: held }: Covering): void {
  for (const version of held) {
    if (!known.has(version.actor, version.counter))
      throw new WireError('a version outside its context');
  }
}

/**
 * The fields of a key with the object of a replica for it, and the dots of the writes that led to
 * that object.
 */
export const ITEM = { key, object: record({ context, versions }, checkCovered), dots } as const;

/**
 * Throws `WireError` if a dot is not in the object's context. A merge of such an object would be
 * wrong, and the check of its actors would not see the dot.
 */
function checkItem({
  object,
  dots: written,
}: {
  object: Covering;
  dots: Covering['versions'];
}): void {
  for (const each of written) {
    if (!object.context.has(each.actor, each.counter))
      throw new WireError('a dot outside the context');
  }
}

/** Packed content that a client can be given. */
export const content = fitting(bytes, (body) => readContent(body) !== undefined, 'a content');

/**
 * Throws `WireError` as `checkItem` does, or if a version that this item brings is no content. An
 * earlier release may have taken other versions in. These must not keep new ones from arriving.
 */
export function checkStore(store: RecordOf<typeof ITEM>): void {
  checkItem(store);
  for (const { actor, counter, body } of store.object.versions) {
    const isNew = store.dots.some((made) => made.counter === counter && made.actor === actor);
    if (isNew && readContent(body) === undefined) throw new WireError('not a content');
  }
}

/** A key with its object and dots. */
export const item = record(ITEM, checkItem);

const madeFields = { ...dotFields, digest: name } as const;

/** A finished write: its dot, and the digest of its content. */
export const made = record(madeFields);

/** The memory of a write, as replicas keep it. */
export const memory = record({
  ...madeFields,
  key,
  idempotencyKey,
  madeMicros: number,
});

const saidFields = {
  replica: name,
  actor,
  isOwner: flag,
  isComplete: flag,
  isWhole: flag,
  clock: context,
  lost: wholeContext,
  aside: wholeContext,
  memories: omissible(list(memory, MAX_MEMORIES)),
} as const;

/** The statement of a replica. */
export const statement = record({ life: name, ...saidFields });

/** The statement of a replica in a list of those of one node. */
export const replicaStatement = record({ partition, ...saidFields });
