/**
 * The requests that nodes send: of each its code, and its fields in the order in which they travel.
 */
import { PARTITIONS } from '../core/limits.ts';
import {
  checkItem,
  dots,
  ITEM,
  floorNames,
  key,
  memory,
  name,
  partition,
  partitions,
  statement,
  wholeContext,
} from './causal-fields.ts';
import { bytes, type Field, flag, integer, list, milliseconds, number, omissible, optional, text } from './field.ts';
import { MAX_TAG_CHARS, MAX_TAGS, MAX_VIEW_CHARS } from './limits.ts';
import { GOSSIP, identity, nodeName } from './member-fields.ts';
import { message, record, rows } from './record.ts';

/** The hashes of floors that the asker knows: the contexts of the answer may lie on them. */
const floors = omissible(floorNames);

/** The client on whose behalf the request is made; undefined for the node itself. */
const caller = omissible(name);

/** Versions that the asker holds: the reply leaves their bodies out. */
const have = dots;

/** A number of replicas, or a word for one. */
const quorum: Field<number | string> = {
  pack: (value) => value,
  unpack: (packed, find) => (typeof packed === 'number' ? integer : name).unpack(packed, find),
};

const tag = text(MAX_TAG_CHARS);
const tagList = list(tag, MAX_TAGS);
const tags: Field<readonly string[] | '*'> = {
  pack: (value) => value,
  unpack: (packed, find) => (packed === '*' ? '*' : tagList.unpack(packed, find)),
};

const condition = record({ ifMatch: optional(tags), ifNoneMatch: optional(tags), idempotencyKey: optional(tag) });

/** The requests, by kind. */
export const REQUESTS = {
  /** Are you there? */
  ping: message(1, {}),

  /** What do you know of this key? */
  read: message(2, { key, have, floors, caller }),

  /** Take this in and say when it is durable. */
  store: message(
    3,
    {
      ...ITEM,
      /**
       * The number of the receiver's grant of the key: the store is refused if it is not current
       * any more.
       */
      grant: omissible(name),
      /** What to remember of the write, if it may be repeated. */
      memory: omissible(memory),
      caller,
    },
    checkItem,
  ),

  /** Coordinate this write: the sender holds no replica of the key. */
  forward: message(4, {
    /**
     * Of this write, among all that are ever forwarded: one that comes twice is carried out once.
     */
    id: name,
    /**
     * The receiver's process, and until when by its clock it may begin; then the sender gives up.
     */
    process: name,
    notAfterMs: number,
    key,
    token: optional(wholeContext),
    /** Packed content; undefined deletes. */
    body: optional(bytes),
    r: quorum,
    w: quorum,
    timeoutMs: milliseconds,
    pr: optional(quorum),
    pw: optional(quorum),
    condition: optional(condition),
    caller,
  }),

  /** Here are the hashes of my clocks: where do we differ? */
  compare: message(5, {
    from: nodeName,
    digests: rows({ partition, hash: integer }, PARTITIONS),
    /** Floors that the sender knows and has not told the receiver: contexts may be sent on them. */
    floors: omissible(rows({ partition, name }, PARTITIONS)),
  }),

  /** This is what I have seen of a partition: send what I lack. */
  pull: message(6, { from: nodeName, partition, statement, floors }),

  /**
   * Asks for a partition as it is now, in key order. The first page has the id for further ones.
   */
  snapshot: message(7, {
    from: nodeName,
    partition,
    /** Of the conversation; undefined opens one. */
    id: optional(name),
    /** Only keys after this one. */
    after: optional(key),
    /** Whether the asker has yet to catch up with enough others. */
    isComplete: flag,
    floors,
  }),

  /** Which keys do you hold in these partitions, after a key and with a prefix, in order? */
  list: message(8, {
    partitions,
    prefix: key,
    after: optional(key),
    /** How many keys at most. */
    limit: integer,
    caller,
  }),

  /** Are you there, and who are we? */
  probe: message(9, {
    from: identity,
    /** Whether the answer must have the whole member list. */
    wantsAll: flag,
    ...GOSSIP,
  }),

  /** Ask that member for me whether it is there. */
  'probe-for': message(10, { name: nodeName }),

  /** Grant the key to this write, and say what you know of it. */
  grant: message(11, {
    /** A name of this attempt at the write, and of no other. */
    ballot: name,
    key,
    /** The name of the sender's view of the owners: only an owner with the same view grants. */
    view: text(MAX_VIEW_CHARS),
    have,
    idempotencyKey: optional(tag),
    floors,
    caller,
  }),

  /**
   * These are my rows of a partition, after one key and up to another: are yours the same? The
   * answer is `compared`.
   */
  scrub: message(12, {
    from: nodeName,
    partition,
    /** Both undefined: from the first, to the last. */
    after: optional(key),
    until: optional(key),
    /** Hash of the clock that the rows belong to: of another, they cannot be compared. */
    clockHash: integer,
    rows: integer,
    /** Hash of their keys and dots. */
    digest: integer,
  }),

  /** The ballot to which the key is granted is over. */
  release: message(13, { ballot: name, key, caller }),

  /** What do your replicas of these partitions say of themselves? */
  state: message(14, {
    from: nodeName,
    /** Of the sender. */
    life: name,
    partitions,
    /**
     * For each of them the id of the sender's replica if the answer may help to make it complete,
     * else empty.
     */
    filling: list(name, PARTITIONS),
    floors,
  }),

  /** I cannot read what I held of this key: what do you know of it? */
  mend: message(15, { from: nodeName, key, floors }),
} as const;
