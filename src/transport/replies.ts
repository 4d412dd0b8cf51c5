/** The replies of nodes: the code of each, and its fields in the order in which they travel. */
import { isErrorCode, type ErrorCode } from '../base/errors.ts';
import { MAX_MEMBERS, MAX_TOKEN_KEYS, PARTITIONS } from '../core/limits.ts';
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
import {
  cutText,
  derived,
  type Field,
  flag,
  integer,
  list,
  number,
  omissible,
  oneOf,
  optional,
  text,
  WireError,
} from './field.ts';
import { ledgerHash, ledgerRecords } from './ledger-fields.ts';
import {
  MAX_DETAIL_CHARS,
  MAX_INSIGHT_CHARS,
  MAX_MESSAGE_FENCES,
  MAX_PAGE_ITEMS,
} from './limits.ts';
import { GOSSIP, identity, nodeName, tokenKey } from './member-fields.ts';
import { message, record, rows } from './record.ts';

/** The code of an error. A code that this version does not know is read as `internal`. */
const errorCode: Field<ErrorCode> = {
  pack: (value) => value,
  unpack: (packed, find) => {
    const code = name.unpack(packed, find);
    return isErrorCode(code) ? code : 'internal';
  },
};

const fence = { member: nodeName, replica: integer, life: name, later: optional(name) } as const;

/** The owners and next owners that the sender knows; undefined if they are those of the request. */
const owners = omissible(
  record({ owners: list(nodeName, MAX_MEMBERS), nextOwners: list(nodeName, MAX_MEMBERS) }),
);

/** The facts about keys, in the order of the keys. */
interface TaggedKeys {
  readonly keys: readonly string[];
  readonly tags: readonly number[];
  readonly values?: readonly number[] | undefined;
  readonly bytes?: readonly number[] | undefined;
}

/** Throws `WireError` unless each key has a tag, and a size if any key has one. */
function checkTags({ keys, tags: hashes, values = hashes, bytes: sizes = values }: TaggedKeys) {
  if ([hashes, values, sizes].some(({ length }) => length !== keys.length))
    throw new WireError('not as many tags or sizes as keys');
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
      owners,
    },
    checkCovered,
  ),

  /** The answer to `store`: it is durable. */
  stored: message(67, {
    actor,
    /** The actor of the sender: a node writes as the actor of its present life. */
    life: derived((reply: { readonly actor: string }) => lifeOfActor(reply.actor)),
    /** The number of the replica in that life. */
    replica: integer,
    /** The fences that the replica has made in this partition. */
    fences: rows(fence, MAX_MESSAGE_FENCES),
    owners,
  }),

  /** The answer to `forward`: the write has its quorum. */
  written: message(68, {
    dot,
    token: wholeContext,
    /** The versions of the key now, as far as the coordinator knows. */
    versions: dots,
    /** Whether a delete found anything to delete. */
    found: flag,
    /** Whether the write was made before, under the same idempotency key. */
    isRepeated: flag,
  }),

  /** The request failed at the receiver. */
  failed: message(69, {
    code: errorCode,
    detail: cutText(MAX_DETAIL_CHARS),
    have: integer,
    need: integer,
    /** For a forwarded write: whether it may have taken effect, or still may. */
    mayTakeEffect: omissible(flag),
  }),

  /** The answer to `compare` and `scrub`. */
  compared: message(70, {
    /**
     * Partitions in which the receiver has seen other writes than the sender, or (`scrub`) has
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
    /**
     * The rest: "none", "more" on further pages, or "all", because the log does not reach back far
     * enough and the asker needs a snapshot.
     */
    rest: oneOf('none', 'more', 'all'),
  }),

  /** The answer to `snapshot`: the replica at the opening of the conversation. */
  'snapshot-page': message(72, {
    id: name,
    /**
     * On the first page: the statement of the sender at that moment, and the dots that it has cut
     * from its log.
     */
    opening: optional(record({ statement, cut: context })),
    items: list(item, MAX_PAGE_ITEMS),
    /** The key after which the next page begins; undefined if this was the last. */
    next: optional(key),
  }),

  /** The answer to `list`: all keys of these partitions with a living value, up to `until`. */
  keys: message(
    73,
    {
      keys: list(key, MAX_PAGE_ITEMS),
      /** For each key a hash of the dots of its versions. */
      tags: list(integer, MAX_PAGE_ITEMS),
      /** The key up to which the answer reaches; undefined if it reaches to the end. */
      until: optional(key),
      /** The partitions whose replica here may be incomplete. */
      incomplete: partitions,
      /** The partitions of which the sender knows other owners. */
      otherOwners: partitions,
      /** For each key the number of its versions and the bytes of their values, if requested. */
      values: omissible(list(integer, MAX_PAGE_ITEMS)),
      bytes: omissible(list(integer, MAX_PAGE_ITEMS)),
    },
    checkTags,
  ),

  /** The answer to `probe`. */
  probed: message(74, {
    from: identity,
    /** The monotonic clock of the sender, and its wall clock, µs since 1970. */
    nowMs: number,
    wallMicros: number,
    /** The reason why the asker does not belong to the cluster; empty if it does. */
    refusal: cutText(MAX_DETAIL_CHARS),
    ...GOSSIP,
    /** The keys for tokens that the sender has on its disk. Earlier releases have none. */
    tokenKeys: omissible(list(tokenKey, MAX_TOKEN_KEYS)),
    /** The hash of the sender's ledger, as in `probe`. */
    ledger: omissible(ledgerHash),
  }),

  /** The answer to `grant`: the key is granted to the asker. */
  granted: message(
    75,
    {
      actor,
      /** The number of the grant, which the store must bring back. */
      number: name,
      context,
      versions: sparseVersions,
      /** The result of an earlier write with the same idempotency key. */
      remembered: optional(made),
    },
    checkCovered,
  ),

  /** The answer to `state`. */
  stated: message(76, {
    life: name,
    /** The hash of the member list of the sender. */
    members: integer,
    replicas: list(replicaStatement, PARTITIONS),
  }),

  /** The answer to `mend`. */
  mended: message(77, {
    life: name,
    /** The hash of the member list of the sender. */
    members: integer,
    replica: name,
    /** Every dot that the replica has seen, durably. */
    clock: context,
    lost: wholeContext,
    /**
     * The dots whose effect on the key may be missing, if this replica cannot read the key either.
     */
    need: optional(context),
    item,
    /** Versions of the key that were salvaged from damage. */
    aside: versions,
  }),

  /**
   * The receiver could not read the request, because it does not know the floor of a context. It
   * has done nothing. The sender must send the request with whole contexts.
   */
  'unknown-floor': message(78, {}),

  /** The answer to `inspect`, as JSON. */
  insight: message(79, { json: text(MAX_INSIGHT_CHARS) }),

  /**
   * The answer to `ledger`: the records are durable. It has all records of the sender if its ledger
   * is not that of the asker.
   */
  'ledger-kept': message(80, { hash: ledgerHash, records: ledgerRecords }),
} as const;
