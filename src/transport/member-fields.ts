/**
 * The fields of nodes and members.
 *
 * A record of the member list has only a shape here: `core/placement/record-flaw.ts` has its
 * grammar. One record that breaks it must not take the others of its message with it.
 */
import { isHost, isPort } from '../base/address.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { SECRET_BYTES } from '../base/mac.ts';
import { MAX_KEY_GENERATION, MAX_MEMBERS } from '../core/limits.ts';
import { MEMBER_STATES, type MemberState } from '../core/placement/member-list.ts';
import { LIFE_PATTERN } from '../core/placement/record-flaw.ts';
import {
  bytes,
  type Field,
  fitting,
  flag,
  integer,
  list,
  number,
  optional,
  positive,
  text,
  WireError,
} from './field.ts';
import { MAX_CLUSTER_MARKS, MAX_HOST_CHARS, MAX_NAME_CHARS } from './limits.ts';
import { record, rows } from './record.ts';

const anyName = text(MAX_NAME_CHARS);

/** The name of a node. */
export const nodeName = fitting(
  anyName,
  (name) => NODE_NAME_PATTERN.test(name),
  'the name of a node',
);

/** A mark of a cluster: the life of a process. The mark of all old clusters is 0. */
const mark = fitting(
  anyName,
  (life) => life !== '' && LIFE_PATTERN.test(life),
  'a mark of a cluster',
);

/** The name of a cluster, which has the grammar of the name of a node. */
const clusterName = fitting(
  anyName,
  (name) => NODE_NAME_PATTERN.test(name),
  'the name of a cluster',
);

const host = text(MAX_HOST_CHARS);

/** A state. Another version may know more of them, and `record-flaw.ts` refuses those. */
const state: Field<MemberState> = {
  pack: (value) => MEMBER_STATES.indexOf(value),
  unpack: (packed, find) => MEMBER_STATES[integer.unpack(packed, find)] as MemberState,
};

/** A version of the protocol, which is one byte of each frame. */
const protocolVersion = fitting(integer, (n) => n <= 0xff, 'a version of the protocol');

/** Throws `WireError` if the range has no version: frames for its sender would be garbage. */
function checkRange({ oldest, newest }: { readonly oldest: number; readonly newest: number }) {
  if (oldest > newest) throw new WireError('not a range of versions');
}

/** The identity of a node, which shows whether it belongs to the cluster. */
export const identity = record(
  {
    name: nodeName,
    /** A random text from the start of the process. It tells two processes of one name apart. */
    process: anyName,
    host: fitting(host, isHost, 'a host'),
    /** The next port carries data. */
    port: fitting(integer, (port) => isPort(port) && isPort(port + 1), 'a port'),
    partitions: integer,
    /** The configured number of replicas of a partition. */
    n: positive,
    /** The marks of the cluster that the node belongs to, or may begin. */
    cluster: fitting(list(mark, MAX_CLUSTER_MARKS), ({ length }) => length > 0, 'an id'),
    /** Whether the node belongs to a cluster. */
    isMember: flag,
    /** The name of the cluster in the configuration. */
    clusterName: optional(clusterName),
    /** The versions of the protocol that the node speaks. */
    oldest: protocolVersion,
    newest: protocolVersion,
  },
  checkRange,
);

/** One record of the member list. */
const member = record({
  name: anyName,
  host,
  port: integer,
  httpport: integer,
  zone: optional(anyName),
  weight: number,
  state,
  generation: integer,
  life: anyName,
  version: integer,
  settled: integer,
});

/** A key that signs tokens. */
export const tokenKey = record({
  secret: fitting(bytes, ({ length }) => length === SECRET_BYTES, 'a secret'),
  generation: fitting(integer, (n) => n >= 1 && n <= MAX_KEY_GENERATION, 'a generation'),
  /** The wall time at which all members had it, µs since 1970; 0 if they have not yet. */
  settledMicros: integer,
});

/** The news about members that every probe carries. */
export const GOSSIP = {
  /** The hash of the sender's member list, and whether the sender relies on that list. */
  hash: integer,
  isInformed: flag,
  records: list(member, MAX_MEMBERS),
  /** Members that answer the sender neither directly nor through others. */
  suspects: rows({ name: nodeName, version: positive }, MAX_MEMBERS),
} as const;
