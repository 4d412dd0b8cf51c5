/**
 * All messages between nodes: the types of the tables in `requests.ts` and `replies.ts`. Types,
 * packing, unpacking and bounds all come from these tables.
 */
import type { item } from './causal-fields.ts';
import type { Fields, RecordOf, ValueOf } from './field.ts';
import type { GOSSIP, identity } from './member-fields.ts';
import type { REPLIES } from './replies.ts';
import type { REQUESTS } from './requests.ts';

type Table = Readonly<Record<string, { readonly fields: Fields }>>;
type Named<T extends Table, Kind extends keyof T> = Kind extends keyof T
  ? { readonly kind: Kind } & RecordOf<T[Kind]['fields']>
  : never;

/** Any request. */
export type Request = Named<typeof REQUESTS, keyof typeof REQUESTS>;
/** Any reply. */
export type Reply = Named<typeof REPLIES, keyof typeof REPLIES>;
/** Any message. */
export type Message = Request | Reply;

type RequestOf<Kind extends keyof typeof REQUESTS> = Named<typeof REQUESTS, Kind>;
type ReplyOf<Kind extends keyof typeof REPLIES> = Named<typeof REPLIES, Kind>;
/** A `probe` request. */
export type ProbeRequest = RequestOf<'probe'>;
/** A `probe-for` request. */
export type ProbeForRequest = RequestOf<'probe-for'>;
/** A `read` request. */
export type ReadRequest = RequestOf<'read'>;
/** A `store` request. */
export type StoreRequest = RequestOf<'store'>;
/** A `grant` request. */
export type GrantRequest = RequestOf<'grant'>;
/** A `forward` request. */
export type ForwardRequest = RequestOf<'forward'>;
/** A `compare` request. */
export type CompareRequest = RequestOf<'compare'>;
/** A `pull` request. */
export type PullRequest = RequestOf<'pull'>;
/** A `state` request. */
export type StateRequest = RequestOf<'state'>;
/** A `snapshot` request. */
export type SnapshotRequest = RequestOf<'snapshot'>;
/** A `scrub` request. */
export type ScrubRequest = RequestOf<'scrub'>;
/** A `list` request. */
export type ListKeysRequest = RequestOf<'list'>;
/** An `inspect` request. */
export type InspectRequest = RequestOf<'inspect'>;
/** A `ledger` request. */
export type LedgerRequest = RequestOf<'ledger'>;
/** A `pong` reply. */
export type PingReply = ReplyOf<'pong'>;
/** A `probed` reply. */
export type ProbeReply = ReplyOf<'probed'>;
/** An `object` reply. */
export type ReadReply = ReplyOf<'object'>;
/** A `granted` reply. */
export type GrantReply = ReplyOf<'granted'>;
/** A `written` reply. */
export type ForwardReply = ReplyOf<'written'>;
/** A `compared` reply. */
export type CompareReply = ReplyOf<'compared'>;
/** A `stated` reply. */
export type StateReply = ReplyOf<'stated'>;
/** A `page` reply. */
export type PullReply = ReplyOf<'page'>;
/** A `snapshot-page` reply. */
export type SnapshotReply = ReplyOf<'snapshot-page'>;
/** A `mended` reply. */
export type MendReply = ReplyOf<'mended'>;
/** A `keys` reply. */
export type ListKeysReply = ReplyOf<'keys'>;
/** An `unknown-floor` reply. */
export type UnknownFloorReply = ReplyOf<'unknown-floor'>;
/** A `ledger-kept` reply. */
export type LedgerReply = ReplyOf<'ledger-kept'>;
/** A `failed` reply. */
export type FailedReply = ReplyOf<'failed'>;

/** The identity of the process that sends a message. */
export type Identity = ValueOf<typeof identity>;
/** The news about members that every probe carries. */
export type Gossip = RecordOf<typeof GOSSIP>;
/** A partition with the hash of its clock. */
export type Digest = CompareRequest['digests'][number];
/** A partition with the hash of a floor. */
export type PartitionFloor = NonNullable<CompareRequest['floors']>[number];
/** A version whose body may be left out, because the asker has it. */
export type SparseVersion = ReadReply['versions'][number];
/** The object of a replica for one key, and the dots of the writes that led to it. */
export type SyncItem = ValueOf<typeof item>;
