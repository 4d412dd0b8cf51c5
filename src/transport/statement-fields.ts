/** The fields that tell what replicas hold, and what they remember. */
import { MAX_MEMORIES } from '../base/limits.ts';
import type { CausalContext } from '../core/causal-context.ts';
import type { Memory } from '../core/decision.ts';
import type { Statement } from '../core/evidence.ts';
import {
  context,
  type Fields,
  list,
  number,
  optional,
  packItem,
  partitionIn,
  text,
  unpackRemembered,
  WireError,
} from './fields.ts';
import type { ReplicaStatement, Store } from './message.ts';

/** A key to store; most are plain, with nothing behind the item. */
export function packStore({ grant, memory, ...item }: Omit<Store, 'kind'>): unknown[] {
  if (grant === undefined && memory === undefined) return packItem(item);
  return [...packItem(item), grant ?? null, memory === undefined ? null : packMemory(memory)];
}

/** What is remembered of a write. */
export function packMemory({ key, idempotencyKey, actor, counter, digest, madeMicros }: Memory): unknown[] {
  return [key, idempotencyKey, actor, counter, digest, madeMicros];
}

/** What `packMemory` packed. */
export function unpackMemory(packed: unknown): Memory {
  const [key, idempotencyKey, ...made] = list(packed);
  return {
    key: text(key),
    idempotencyKey: text(idempotencyKey),
    ...unpackRemembered(made),
    madeMicros: number(made[3]),
  };
}

function memoriesOf(packed: unknown): Memory[] {
  const memories = list(packed);
  if (memories.length > MAX_MEMORIES) throw new WireError('too many memories');
  return memories.map(unpackMemory);
}

/** What a replica says of itself. */
export function packStatement({ life, ...said }: Statement): unknown[] {
  return [life, ...packSaid(said)];
}

/** What `packStatement` packed. */
export function unpackStatement(packed: unknown): Statement {
  const [life, ...said] = list(packed);
  return { life: text(life), ...unpackSaid(said) };
}

/** What a replica says of itself, in a list of those of one node. */
export function packReplicaStatement({ partition, ...said }: ReplicaStatement): unknown[] {
  return [partition, ...packSaid(said)];
}

/** What `packReplicaStatement` packed. */
export function unpackReplicaStatement(packed: unknown): ReplicaStatement {
  const [partition, ...said] = list(packed);
  return { partition: partitionIn(partition), ...unpackSaid(said) };
}

/** How a snapshot was opened: the statement of its sender, and what its log cannot tell. */
export function packOpening(opening: { statement: Statement; cut: CausalContext } | undefined): unknown {
  return opening === undefined ? null : [packStatement(opening.statement), opening.cut.pack()];
}

/** What `packOpening` packed. */
export function unpackOpening(packed: unknown): { statement: Statement; cut: CausalContext } {
  const [statement, cut] = list(packed);
  return { statement: unpackStatement(statement), cut: context(cut) };
}

type Said = Omit<Statement, 'life'>;

function packSaid({ replica, actor, isOwner, isComplete, isWhole, clock, lost, aside, memories }: Said): unknown[] {
  const said = [replica, actor, isOwner, isComplete, isWhole, clock.pack(), lost.pack(), aside.pack()];
  return memories === undefined ? said : [...said, memories.map(packMemory)];
}

function unpackSaid([replica, actor, isOwner, isComplete, isWhole, clock, lost, aside, memories]: Fields): Said {
  return {
    replica: text(replica),
    actor: text(actor),
    isOwner: isOwner === true,
    isComplete: isComplete === true,
    isWhole: isWhole === true,
    clock: context(clock),
    lost: context(lost),
    aside: context(aside),
    memories: optional(memories, memoriesOf),
  };
}
