/** Where a key lives and who has what of it: for people who want to see for themselves. */
import { MecError } from '../../base/errors.ts';
import { LOCATE_TIMEOUT_MS } from '../limits.ts';
import type { Reach } from '../../core/placement/detector.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { Scope } from './scope.ts';

/** Why a member holds a key, or might: as an owner, as a pending owner, or as a fallback. */
export type Role = 'owner' | 'pending owner' | 'fallback';

/** What one member says of a key. */
export interface HolderEntry {
  readonly node: string;
  readonly role: Role;
  readonly reach: Reach | 'itself';
  /** Undefined where the member gave no answer. */
  readonly says:
    | {
        readonly isComplete: boolean;
        readonly actor: string;
        readonly clock: string;
        readonly versions: readonly Dot[];
      }
    | undefined;
}

/** A key's place, and what its holders say. */
export interface KeyLocation {
  readonly partition: number;
  readonly entries: readonly HolderEntry[];
}

/** Asks all who hold a key, or would in another's place. */
export async function locate(scope: Scope, key: string): Promise<KeyLocation> {
  const { members } = scope;
  const { partition, owners } = scope.holders.placeOf(key);
  const roles: [Role, readonly string[]][] = [
    ['owner', owners],
    ['pending owner', members.pending(partition)],
    // Each owner may need one.
    ['fallback', members.fallbacks(partition).slice(0, owners.length)],
  ];
  const asked = roles.flatMap(([role, names]) => names.map((node) => entryOf(scope, { key, partition, role, node })));
  return { partition, entries: await Promise.all(asked) };
}

interface Question {
  readonly key: string;
  readonly partition: number;
  readonly role: Role;
  readonly node: string;
}

async function entryOf(scope: Scope, { key, partition, role, node }: Question): Promise<HolderEntry> {
  const { members, peers, store, partitions } = scope;
  if (node === members.self) {
    const replica = store.of(partition);
    const { versions, context } = replica.read(key);
    return { node, role, reach: 'itself', says: sayingOf(replica, context, versions) };
  }
  const reach = peers.reach(node);
  const peer = peers.byId.get(node);
  if (peer === undefined || reach === 'unreachable') return { node, role, reach, says: undefined };
  return new Promise((resolve) => {
    const read = { kind: 'read', key, have: [], floors: partitions.of(partition).floorNames } as const;
    peer.data.request(read, LOCATE_TIMEOUT_MS, (reply) => {
      const isAnswer = !(reply instanceof MecError) && reply.kind === 'object';
      resolve({ node, role, reach, says: isAnswer ? sayingOf(reply, reply.context, reply.versions) : undefined });
    });
  });
}

function sayingOf(
  { isComplete, actor }: { isComplete: boolean; actor: string },
  context: CausalContext,
  versions: readonly Dot[],
): HolderEntry['says'] {
  const dots = versions.map((version) => ({ actor: version.actor, counter: version.counter }));
  return { isComplete, actor, clock: context.toString(), versions: dots };
}
