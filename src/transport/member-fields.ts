/** The fields of nodes and members. */
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { MAX_MEMBERS } from '../core/limits.ts';
import { MEMBER_STATES, type MemberState } from '../core/placement/member-list.ts';
import {
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
import { MAX_HOST_CHARS, MAX_NAME_CHARS } from './limits.ts';
import { record, rows } from './record.ts';

const anyName = text(MAX_NAME_CHARS);

/** The name of a node. */
export const nodeName = fitting(
  anyName,
  (name) => NODE_NAME_PATTERN.test(name),
  'the name of a node',
);

const weight: Field<number> = {
  pack: (value) => value,
  unpack: (packed, find) => {
    const value = number.unpack(packed, find);
    if (value <= 0) throw new WireError('not a weight');
    return value;
  },
};

const state: Field<MemberState> = {
  pack: (value) => MEMBER_STATES.indexOf(value),
  unpack: (packed, find) => {
    const value = MEMBER_STATES[integer.unpack(packed, find)];
    if (value === undefined) throw new WireError('not a state of a member');
    return value;
  },
};

const address = { host: text(MAX_HOST_CHARS), port: integer } as const;

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
    process: text(MAX_NAME_CHARS),
    ...address,
    partitions: integer,
    /** The configured number of replicas of a partition. */
    n: positive,
    /** The versions of the protocol that the node speaks. */
    oldest: protocolVersion,
    newest: protocolVersion,
  },
  checkRange,
);

/** One row of the member list. */
const member = record({
  name: nodeName,
  ...address,
  httpport: integer,
  zone: optional(text(MAX_NAME_CHARS)),
  weight,
  state,
  generation: positive,
  life: text(MAX_NAME_CHARS),
  version: positive,
  settled: integer,
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
