/**
 * The replies that nodes send: of each its code, and its fields in the order in which they travel.
 */
import { isErrorCode, type ErrorCode } from '../base/errors.ts';
import { PARTITIONS } from '../core/limits.ts';
import { lifeOfActor } from '../core/causality/actor.ts';
import {
  actor,
  checkCovered,
  context,
  dot,
  dots,
  item,
  key,
  made,
  name,
  partitions,
  replicaStatement,
  sparseVersions,
  statement,
  versions,
  wholeContext,
} from './causal-fields.ts';
import { cutText, derived, type Field, flag, integer, list, number, oneOf, optional, WireError } from './field.ts';
import { MAX_DETAIL_CHARS, MAX_MESSAGE_FENCES, MAX_PAGE_ITEMS } from './limits.ts';
import { GOSSIP, identity, nodeName } from './member-fields.ts';
import { message, record, rows } from './record.ts';

/** The code of an error; one that this version does not know is `internal`. */
const errorCode: Field<ErrorCode> = {
  pack: (value) => value,
  unpack: (packed, find) => {
    const code = name.unpack(packed, find);
    return isErrorCode(code) ? code : 'internal';
  },
};

const fence = { member: nodeName, replica: integer, life: name, later: optional(name) } as const;

/** Throws `WireError` unless each key has a tag. */
function checkTags({ keys, tags: hashes }: { readonly keys: readonly string[]; readonly tags: readonly number[] }) {
  if (keys.length !== hashes.length) throw new WireError('not as many tags as keys');
}

/** The replies, by kind. */
export const REPLIES = {
  /** The answer to `ping`, and to `probe-for` if the member answers. */
  pong: message(65, {
    process: name,
    /** The sender's monotonic clock. */
    nowMs: number,
  }),

  /** The answer to `read`. */
  object: message(
    66,
    {
      /** The actor under which the replica writes now. */
      actor,
      /** Whether the replica may hold everything that was ever acknowledged. */
      isComplete: flag,
      context,
      versions: sparseVersions,
    },
    checkCovered,
  ),

  /** The answer to `store`: it is durable. */
  stored: message(67, {
    actor,
    /** Of the sender: a node speaks as the actor of its present life. */
    life: derived((reply: { readonly actor: string }) => lifeOfActor(reply.actor)),
    /** The number of its replica in that life. */
    replica: integer,
    /** The fences that it has made in this partition. */
    fences: rows(fence, MAX_MESSAGE_FENCES),
  }),

  /** The answer to `forward`: the write has its quorum. */
  written: message(68, {
    dot,
    token: wholeContext,
    /** What the key holds now, as far as the coordinator knows. */
    versions: dots,
    /** Whether a delete found anything to delete. */
    found: flag,
    /** Whether it had been made before, under the same idempotency key. */
    isRepeated: flag,
  }),

  /** The request failed at the receiver. */
  failed: message(69, { code: errorCode, detail: cutText(MAX_DETAIL_CHARS), have: integer, need: integer }),

  /** The answer to `compare` and `scrub`. */
  compared: message(70, {
    /**
     * Partitions in which the receiver has seen other writes than the sender, or (`scrub`) holds
     * other rows.
     */
    differing: partitions,
    /** Partitions that the receiver of a `scrub` cannot compare now. */
    incomplete: partitions,
  }),

  /** The answer to `pull`. */
  page: message(71, {
    statement,
    items: list(item, MAX_PAGE_ITEMS),
    /** What else there is: nothing; more to ask for; or more than the log has: take a snapshot. */
    rest: oneOf('none', 'more', 'all'),
  }),

  /** The answer to `snapshot`: everything as it was when the conversation was opened. */
  'snapshot-page': message(72, {
    id: name,
    /**
     * On the first page: what the sender said then, and the dots that its log cannot tell any more.
     */
    opening: optional(record({ statement, cut: context })),
    items: list(item, MAX_PAGE_ITEMS),
    /** The key after which the next page begins; undefined if this was the last. */
    next: optional(key),
  }),

  /**
   * The answer to `list`: of these partitions all the keys with a living value there are, up to
   * `until`.
   */
  keys: message(
    73,
    {
      keys: list(key, MAX_PAGE_ITEMS),
      /** For each key a hash of the dots of its versions. */
      tags: list(integer, MAX_PAGE_ITEMS),
      /** The key up to which the answer reaches; undefined if it reaches to the end. */
      until: optional(key),
      /** The partitions that the receiver cannot vouch for. */
      incomplete: partitions,
    },
    checkTags,
  ),

  /** The answer to `probe`. */
  probed: message(74, {
    from: identity,
    /** The sender's monotonic clock, and its wall clock, µs since 1970. */
    nowMs: number,
    wallMicros: number,
    /** Why the asker is not one of us; empty if it is. */
    refusal: cutText(MAX_DETAIL_CHARS),
    ...GOSSIP,
  }),

  /** The answer to `grant`: the key is granted to the asker. */
  granted: message(
    75,
    {
      actor,
      /** Of the grant: the store must bring it back. */
      number: name,
      context,
      versions: sparseVersions,
      /** What came of an earlier write with the same idempotency key. */
      remembered: optional(made),
    },
    checkCovered,
  ),

  /** The answer to `state`. */
  stated: message(76, {
    life: name,
    /** Hash of the member list by which the node speaks. */
    members: integer,
    replicas: list(replicaStatement, PARTITIONS),
  }),

  /** The answer to `mend`. */
  mended: message(77, {
    life: name,
    /** Hash of the member list by which the node speaks. */
    members: integer,
    replica: name,
    /** Every dot that the replica has seen, durably. */
    clock: context,
    lost: wholeContext,
    /** If the replica cannot read the key either: the dots whose effect on it may be missing. */
    need: optional(context),
    item,
    /** Versions of the key that were salvaged from damage. */
    aside: versions,
  }),

  /**
   * The receiver could not read the request: it lacks the floor of a context, and has done nothing.
   * Send it whole.
   */
  'unknown-floor': message(78, {}),
} as const;
