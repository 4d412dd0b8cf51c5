/**
 * The second witness of a snapshot that removes keys: another complete owner that confirms their
 * absence.
 *
 * Without one, the sender must be the only source of what it says: all complete owners, this node
 * included, miss writes that only a snapshot brings. A joining member is never the only source. It
 * has not been an owner, so it knows nothing but what owners have told it.
 */
import type { Env } from '../../base/env.ts';
import type { SyncLimits } from '../limits.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import { partitionOf } from '../../core/placement/partition.ts';
import type { Floors } from '../partitions/floors.ts';
import type { Members } from '../membership/members.ts';
import type { Peers } from '../membership/peers.ts';
import { ask, type PullContext } from './pull.ts';
import type { Questions } from './questions.ts';
import type { Removal, SnapshotOpening, Witness } from './snapshot.ts';

/** The parts of a node that asking witnesses uses. */
export interface WitnessOptions {
  readonly env: Env;
  readonly members: Members;
  readonly peers: Peers;
  readonly questions: Questions;
  readonly limits: SyncLimits;
  readonly floors: Floors;
}

/** Returns a function that asks other complete owners to confirm the removals of a snapshot. */
export function createWitness(
  options: WitnessOptions,
  { replica, peer, makeStatement }: Pick<PullContext, 'replica' | 'peer' | 'makeStatement'>,
): Witness {
  const { members, questions, env } = options;
  return async (opening, removals) => {
    const { partition } = replica;
    const others = members
      .owners(partition)
      .filter((name) => name !== members.self && name !== peer.id);
    const { rounds, isWhole } = await questions.ask([partition], others);
    const complete = [...(rounds.get(partition) ?? [])].filter(([, said]) => isKnowing(said));
    for (const [name] of complete) if (await confirmsRemovals(options, name, removals)) return true;
    // An owner that needs a snapshot from this very sender cannot contradict it.
    const statements = [makeStatement(replica), ...(rounds.get(partition)?.values() ?? [])];
    const isOnlySource =
      isWhole &&
      members.get(peer.id)?.state !== 'joining' &&
      statements.filter(isKnowing).every((said) => needsSnapshot(said, opening));
    if (!isOnlySource) {
      const keys = removals.length;
      env.log.warn('snapshot held back: no other owner confirms its removals', {
        partition,
        peer: peer.id,
        keys,
      });
    }
    return isOnlySource;
  };
}

/** Whether a node can contradict a snapshot. */
const isKnowing = ({ isOwner, isComplete }: Statement): boolean => isOwner && isComplete;

function needsSnapshot(owner: Statement, { statement, cut }: SnapshotOpening): boolean {
  return statement.clock.minus(owner.clock).minus(owner.lost).intersects(cut);
}

/** Whether a peer has seen every version that would be removed, and has none of them. */
async function confirmsRemovals(
  options: WitnessOptions,
  name: string,
  removals: readonly Removal[],
): Promise<boolean> {
  const { peers, limits, floors } = options;
  const [peer] = peers.reachable([name], 0);
  if (peer === undefined) return false;
  for (const { key, versions } of removals) {
    const read = { kind: 'read', key, have: [], floors: floors.names(partitionOf(key)) } as const;
    const answer = await ask({ peer, limits }, read, 'object').catch(() => undefined);
    if (answer?.isComplete !== true) return false;
    const isGone = versions.every(({ actor, counter }) => {
      const holds = answer.versions.some((dot) => dot.actor === actor && dot.counter === counter);
      return !holds && answer.context.has(actor, counter);
    });
    if (!isGone) return false;
  }
  return true;
}
