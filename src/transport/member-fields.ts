/**
 * The fields of messages that tell of nodes and members. A reader throws `WireError` if a field is
 * not what it should be.
 */
import { MAX_MEMBERS } from './limits.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { MEMBER_STATES, type MemberRecord } from '../core/placement/member-list.ts';
import { integer, list, number, optional, positive, text, WireError } from './fields.ts';
import type { Gossip, Identity } from './message.ts';

/** Who speaks. */
export function packIdentity({ name, process, host, port, partitions, n }: Identity): unknown[] {
  return [name, process, host, port, partitions, n];
}

/** The reverse of `packIdentity`. */
export function identity(field: unknown): Identity {
  const f = list(field);
  return {
    name: nodeName(f[0]),
    process: text(f[1]),
    host: text(f[2]),
    port: integer(f[3]),
    partitions: integer(f[4]),
    n: positive(f[5]),
  };
}

/** What is told of the members. */
export function packGossip({ hash, isInformed, records, suspects }: Gossip): unknown[] {
  return [hash, records.map(packRecord), suspects.flatMap(({ name, version }) => [name, version]), isInformed];
}

/** The reverse of `packGossip`. */
export function gossipOf(field: unknown): Gossip {
  const [hash, records, suspects, isInformed] = list(field);
  const flat = list(suspects);
  if (list(records).length > MAX_MEMBERS || flat.length > 2 * MAX_MEMBERS) throw new WireError('too many members');
  return {
    hash: integer(hash),
    isInformed: isInformed === true,
    records: list(records).map(memberRecord),
    suspects: Array.from({ length: flat.length >> 1 }, (_, i) => ({
      name: nodeName(flat[2 * i]),
      version: positive(flat[2 * i + 1]),
    })),
  };
}

/** One row of the member list. */
function packRecord(record: MemberRecord): unknown[] {
  const { name, host, port, httpport, zone, weight, state, generation, life, version, settled } = record;
  const place = [name, host, port, zone ?? null, weight];
  return [...place, MEMBER_STATES.indexOf(state), version, settled, httpport, generation, life];
}

/** The reverse of `packRecord`. */
function memberRecord(field: unknown): MemberRecord {
  const f = list(field);
  const state = MEMBER_STATES[integer(f[5])];
  const weight = number(f[4]);
  if (state === undefined || weight <= 0) throw new WireError('not a member');
  return {
    name: nodeName(f[0]),
    host: text(f[1]),
    port: integer(f[2]),
    zone: optional(f[3], text),
    weight,
    state,
    version: positive(f[6]),
    settled: integer(f[7]),
    httpport: integer(f[8]),
    generation: positive(f[9]),
    life: text(f[10]),
  };
}

/** The name of a node. */
function nodeName(field: unknown): string {
  const name = text(field);
  if (!NODE_NAME_PATTERN.test(name)) throw new WireError('not the name of a node');
  return name;
}
