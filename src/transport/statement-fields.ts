/** The fields that tell what replicas hold, and what they remember. */
import { MAX_MEMORIES } from '../core/limits.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import type { RememberedWrite } from '../core/quorum/decision.ts';
import type { Statement } from '../core/causality/evidence.ts';
import type { Floor } from '../core/causality/floor.ts';
import {
  context,
  type Fields,
  type FindFloor,
  list,
  number,
  optional,
  packContext,
  packItem,
  partitionIn,
  text,
  unpackRemembered,
  wholeContext,
  WireError,
} from './fields.ts';
import type { ReplicaStatement, StoreRequest } from './message.ts';

/** A key to store; most are plain, with nothing behind the item. */
export function packStore({ grant, memory, ...item }: Omit<StoreRequest, 'kind'>, known: readonly Floor[]): unknown[] {
  if (grant === undefined && memory === undefined) return packItem(item, known);
  return [...packItem(item, known), grant ?? null, memory === undefined ? null : packMemory(memory)];
}

/** What is remembered of a write. */
function packMemory({ key, idempotencyKey, actor, counter, digest, madeMicros }: RememberedWrite): unknown[] {
  return [key, idempotencyKey, actor, counter, digest, madeMicros];
}

/** What `packMemory` packed. */
export function unpackMemory(packed: unknown): RememberedWrite {
  const [key, idempotencyKey, ...made] = list(packed);
  return {
    key: text(key),
    idempotencyKey: text(idempotencyKey),
    ...unpackRemembered(made),
    madeMicros: number(made[3]),
  };
}

function memoriesOf(packed: unknown): RememberedWrite[] {
  const memories = list(packed);
  if (memories.length > MAX_MEMORIES) throw new WireError('too many memories');
  return memories.map(unpackMemory);
}

/** What a replica says of itself. */
export function packStatement({ life, ...said }: Statement, known: readonly Floor[]): unknown[] {
  return [life, ...packSaid(said, known)];
}

/** What `packStatement` packed. */
export function unpackStatement(packed: unknown, find: FindFloor): Statement {
  const [life, ...said] = list(packed);
  return { life: text(life), ...unpackSaid(said, find) };
}

/** What a replica says of itself, in a list of those of one node. */
export function packReplicaStatement({ partition, ...said }: ReplicaStatement, known: readonly Floor[]): unknown[] {
  return [partition, ...packSaid(said, known)];
}

/** What `packReplicaStatement` packed. */
export function unpackReplicaStatement(packed: unknown, find: FindFloor): ReplicaStatement {
  const [partition, ...said] = list(packed);
  return { partition: partitionIn(partition), ...unpackSaid(said, find) };
}

/** How a snapshot was opened: the statement of its sender, and what its log cannot tell. */
export function packOpening(
  opening: { statement: Statement; cut: CausalContext } | undefined,
  known: readonly Floor[],
): unknown {
  return opening === undefined ? null : [packStatement(opening.statement, known), packContext(opening.cut, known)];
}

/** What `packOpening` packed. */
export function unpackOpening(packed: unknown, find: FindFloor): { statement: Statement; cut: CausalContext } {
  const [statement, cut] = list(packed);
  return { statement: unpackStatement(statement, find), cut: context(cut, find) };
}

type Said = Omit<Statement, 'life'>;

function packSaid({ clock, lost, aside, memories, ...rest }: Said, known: readonly Floor[]): unknown[] {
  const { replica, actor, isOwner, isComplete, isWhole } = rest;
  const contexts = [packContext(clock, known), lost.pack(), aside.pack()];
  const said = [replica, actor, isOwner, isComplete, isWhole, ...contexts];
  return memories === undefined ? said : [...said, memories.map(packMemory)];
}

function unpackSaid(fields: Fields, find: FindFloor): Said {
  const [replica, actor, isOwner, isComplete, isWhole, clock, lost, aside, memories] = fields;
  return {
    replica: text(replica),
    actor: text(actor),
    isOwner: isOwner === true,
    isComplete: isComplete === true,
    isWhole: isWhole === true,
    clock: context(clock, find),
    lost: wholeContext(lost),
    aside: wholeContext(aside),
    memories: optional(memories, memoriesOf),
  };
}
