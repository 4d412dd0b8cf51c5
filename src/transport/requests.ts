/** The requests of nodes: the code of each, and its fields in the order in which they travel. */
import { PARTITIONS } from '../core/limits.ts';
import {
  checkStore,
  content,
  dots,
  ITEM,
  floorNames,
  idempotencyKey,
  key,
  keyStart,
  memory,
  name,
  partition,
  partitions,
  statement,
  userKey,
  wholeContext,
} from './causal-fields.ts';
import {
  type Field,
  flag,
  integer,
  list,
  milliseconds,
  number,
  omissible,
  optional,
  text,
} from './field.ts';
import { ledgerHash, ledgerRecords } from './ledger-fields.ts';
import { MAX_TAG_CHARS, MAX_TAGS, MAX_VIEW_CHARS } from './limits.ts';
import { GOSSIP, identity, nodeName } from './member-fields.ts';
import { message, record, rows } from './record.ts';

/** The hashes of floors that the asker knows. Contexts of the reply may be on them. */
const floors = omissible(floorNames);

/** The client on whose behalf the request is made; undefined for the node itself. */
const caller = omissible(name);

/** The hash of the asker's view of the owners. A receiver with another view names its owners. */
const ownersHash = omissible(integer);

/** Versions that the asker has: the reply leaves out their bodies. */
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

const condition = record({
  ifMatch: optional(tags),
  ifNoneMatch: optional(tags),
  idempotencyKey: optional(idempotencyKey),
});

/** The requests, by kind. */
export const REQUESTS = {
  /** Asks whether the process runs. */
  ping: message(1, {}),

  /** Asks for the object of a key. */
  read: message(2, { key, have, floors, ownersHash, caller }),

  /** Stores an object; the answer says that it is durable. */
  store: message(
    3,
    {
      ...ITEM,
      /**
       * The number of the receiver's grant of the key. The receiver refuses the store if that grant
       * has ended.
       */
      grant: omissible(name),
      /** The memory of the write, if it has an idempotency key. */
      memory: omissible(memory),
      ownersHash,
      caller,
    },
    checkStore,
  ),

  /** Coordinates a write for the sender, which has no replica of the key. */
  forward: message(4, {
    /** An id for this forward alone, so that a duplicate is carried out once. */
    id: name,
    /**
     * The receiver's process, and the time on its clock after which it must not begin, because the
     * sender gives up then.
     */
    process: name,
    notAfterMs: number,
    key: userKey,
    token: optional(wholeContext),
    /** Packed content; undefined deletes. */
    body: optional(content),
    r: quorum,
    w: quorum,
    timeoutMs: milliseconds,
    pr: optional(quorum),
    pw: optional(quorum),
    condition: optional(condition),
    caller,
    /** Whether a write without a token replaces all versions that a read with `r` sees. */
    replace: omissible(flag),
    /** Whether the token has no signature. */
    isUnsigned: omissible(flag),
  }),

  /** Compares the hashes of the clocks of two nodes. */
  compare: message(5, {
    from: nodeName,
    digests: rows({ partition, hash: integer }, PARTITIONS),
    /**
     * Floors that the sender has and has not announced yet. The receiver may send contexts on them.
     */
    floors: omissible(rows({ partition, name }, PARTITIONS)),
  }),

  /** Asks for the writes that the sender has not seen. */
  pull: message(6, { from: nodeName, partition, statement, floors }),

  /**
   * Asks for the present state of a partition, in key order. The first page has the id for further
   * pages.
   */
  snapshot: message(7, {
    from: nodeName,
    partition,
    /** The id of the conversation; undefined opens one. */
    id: optional(name),
    /** Only keys after this one. */
    after: optional(key),
    /** Whether the replica of the asker must still catch up with others. */
    isComplete: flag,
    floors,
  }),

  /** Asks for the keys of these partitions, after a key and with a prefix, in order. */
  list: message(8, {
    partitions: rows({ partition, ownersHash: integer }, PARTITIONS),
    prefix: keyStart,
    after: optional(keyStart),
    /** The most keys of one page. */
    limit: integer,
    caller,
    /** Whether the answer must have the sizes of the keys. */
    sizes: omissible(flag),
  }),

  /** Probes a node, and exchanges news about members. */
  probe: message(9, {
    from: identity,
    /** Whether the reply must have the whole member list. */
    wantsAll: flag,
    ...GOSSIP,
    /** The hash of the sender's ledger; undefined if its ports have no locks. */
    ledger: omissible(ledgerHash),
  }),

  /** Asks the receiver to ping a member for the sender. */
  'probe-for': message(10, { name: nodeName }),

  /** Asks for a grant of the key to a write, and for the state of the key. */
  grant: message(11, {
    /** The name of this attempt at the write. */
    ballot: name,
    key,
    /**
     * The name of the sender's view of the owners. Only an owner with the same view grants the key.
     */
    view: text(MAX_VIEW_CHARS),
    have,
    idempotencyKey: optional(idempotencyKey),
    floors,
    caller,
  }),

  /** Compares the rows of a partition between two keys. The answer is `compared`. */
  scrub: message(12, {
    from: nodeName,
    partition,
    /** Undefined for the first key and the last key. */
    after: optional(key),
    until: optional(key),
    /**
     * The hash of the clock under which the rows were read. Rows under different clocks cannot be
     * compared.
     */
    clockHash: integer,
    rows: integer,
    /** The hash of their keys and dots. */
    digest: integer,
  }),

  /** Ends the ballot to which the key is granted. */
  release: message(13, { ballot: name, key, caller }),

  /** Asks for the statements of replicas. */
  state: message(14, {
    from: nodeName,
    /** The life of the sender. */
    life: name,
    partitions,
    /**
     * For each partition the id of the sender's replica, if the answer may help to make it
     * complete; else empty.
     */
    filling: list(name, PARTITIONS),
    floors,
  }),

  /** Asks for the state of a key that the sender cannot read any more. */
  mend: message(15, { from: nodeName, key, floors }),

  /**
   * Asks what the receiver knows about itself, for operators. It changes nothing there. The
   * receiver knows the topics of its own release.
   */
  inspect: message(16, { topic: name, key: omissible(key) }),

  /** Tells records of the ledger; the answer says that they are durable. */
  ledger: message(17, {
    from: nodeName,
    /** The hash of the sender's whole ledger. */
    hash: ledgerHash,
    records: ledgerRecords,
  }),
} as const;
