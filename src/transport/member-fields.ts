/** The fields that tell of nodes and members. */
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { MEMBER_STATES, type MemberState } from '../core/placement/member-list.ts';
import { type Field, flag, integer, list, number, optional, positive, text, WireError } from './field.ts';
import { MAX_HOST_CHARS, MAX_MEMBERS, MAX_NAME_CHARS } from './limits.ts';
import { record, rows } from './record.ts';

/** The name of a node. */
export const nodeName: Field<string> = {
  pack: (value) => value,
  unpack: (packed) => {
    if (typeof packed !== 'string' || !NODE_NAME_PATTERN.test(packed)) throw new WireError('not the name of a node');
    return packed;
  },
};

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

/** A node that speaks, and whether it belongs here. */
export const identity = record({
  name: nodeName,
  /** Drawn at every start of the process: two processes under one name differ in it. */
  process: text(MAX_NAME_CHARS),
  ...address,
  partitions: integer,
  /** Replicas of a partition, as configured. */
  n: positive,
  /** The versions of the protocol that the node speaks. */
  oldest: integer,
  newest: integer,
});

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

/** What nodes tell each other of the members on every occasion. */
export const GOSSIP = {
  /** Hash of the sender's member list, and whether that list may be relied on. */
  hash: integer,
  isInformed: flag,
  records: list(member, MAX_MEMBERS),
  /** Members that do not answer the sender, neither directly nor through others. */
  suspects: rows({ name: nodeName, version: positive }, MAX_MEMBERS),
} as const;
