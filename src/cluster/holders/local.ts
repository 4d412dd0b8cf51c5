/**
 * This node's own replicas, for its own coordinators and, through `dispatch.ts`, for its peers. All
 * reads and writes of keys pass here.
 */
import type { Clock, Log } from '../../base/env.ts';
import { MecError, messageOf, nothingWritten, toMecError } from '../../base/errors.ts';
import { lifeOfActor, nodeOfActor } from '../../core/causality/actor.ts';
import type { CausalContext, Dot } from '../../core/causality/causal-context.ts';
import type { ObjectVersion } from '../../core/causality/object.ts';
import type { OwnerSets } from '../../core/quorum/joint-tally.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type {
  BallotRequest,
  ExpiringVersions,
  Holder,
  KeyGrant,
  KeyGrantRequest,
  KeyListRequest,
  KeyReadRequest,
  KeysFound,
  KeyState,
  KnownOwners,
  OnAnswer,
  StoreItem,
  StoreResult,
  StoreTerms,
} from './holder.ts';
import { grantKey, groundOf, type LocalGrantParts } from './local-grant.ts';
import { listKeys, type LocalKeysParts } from './local-keys.ts';
import { type LocalWriteRequest, type LocalWriteResult, writeVersion } from './local-write.ts';

/** The parts of a node that its own replicas need. */
export interface LocalParts extends LocalGrantParts, LocalKeysParts {
  readonly env: { readonly clock: Clock; readonly log: Log };
  readonly members: Members;
  readonly partitions: Partitions;
  readonly store: Store;
  /** Called with each write that has become a sibling. */
  readonly onSiblings?:
    ((request: LocalWriteRequest, written: LocalWriteResult) => void) | undefined;
}

/** The dots of a context that a replica has not seen, and the parts of a question about them. */
export interface Unseen {
  readonly dots: CausalContext;
  readonly actor: string;
  readonly versions: readonly ObjectVersion<Uint8Array>[];
}

/** The replicas of this node. */
export class LocalHolder implements Holder {
  readonly #parts: LocalParts;

  constructor(parts: LocalParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.members.self;
  }

  /** Reads a key. After a start, the read waits until the replica counts again. */
  read(request: Omit<KeyReadRequest, 'have' | 'timeoutMs'>, onAnswer: OnAnswer<KeyState>): void {
    this.#parts.partitions
      .of(request.partition)
      .whenConfirmed(() => onAnswer(orError(() => this.#stateOf(request))));
  }

  #stateOf(request: Omit<KeyReadRequest, 'have' | 'timeoutMs'>): KeyState {
    const { partition, key } = request;
    const { store, partitions } = this.#parts;
    const replica = store.of(partition);
    partitions.of(partition).observe(replica.actor);
    const object = replica.readWhole(key);
    const { actor, isComplete } = replica;
    return { object, actor, isComplete, owners: this.#ownersIfOthers(partition, request) };
  }

  list(request: Omit<KeyListRequest, 'timeoutMs'>): Promise<KeysFound> {
    return listKeys(this.#parts, request);
  }

  /**
   * The dots of a context that neither the clock nor the key has, the actor of the replica, and its
   * versions of the key. It reads the key only if the clock lacks a dot.
   */
  unseen({ partition, key }: Pick<StoreItem, 'partition' | 'key'>, context: CausalContext): Unseen {
    const replica = this.#parts.store.of(partition);
    const { actor, clock } = replica;
    const unseen = context.minus(clock);
    if (unseen.isEmpty) return { dots: unseen, actor, versions: [] };
    const object = replica.read(key);
    return { dots: unseen.minus(object.context), actor, versions: object.versions };
  }

  /**
   * Makes a new version, and answers when it is durable. If it cannot be made, throws and changes
   * nothing.
   */
  write(request: LocalWriteRequest, onAnswer: OnAnswer<StoreResult>): LocalWriteResult {
    // A delete reads first, and this node may have left by the end of that.
    this.assertTakes(request.partition);
    const { store, policies, partitions } = this.#parts;
    const replica = store.of(request.partition);
    const { ownersHash } = request;
    const dots: Dot[] = [];
    const written = writeVersion(replica, policies, request, (error) =>
      onAnswer(error ?? this.#storeResultOf(replica, { ownersHash, dots })),
    );
    dots.push(written.dot);
    if (request.body !== undefined && written.object.versions.length > 1)
      this.#parts.onSiblings?.(request, written);
    partitions.of(request.partition).observe(replica.actor);
    return written;
  }

  /**
   * Stores an item. Answers `stopping` if this node is gone. Answers `not-ready` if it does not
   * know the owners yet, or if it joins and will not own the key. Answers `contended` if the number
   * of the grant is no longer current, since another write may have the key by now. Answers
   * `incomplete` if the dot of the item is closed here, or may be closed elsewhere.
   */
  store(
    item: StoreItem,
    { grant }: Pick<StoreTerms, 'grant'>,
    onAnswer: OnAnswer<StoreResult>,
  ): void {
    const error = orError(() => {
      this.#parts.members.assertReady();
      this.assertTakes(item.partition);
      if (grant === undefined) this.#assertLives(item);
      else if (!this.takeGrant(item, grant)) throw new MecError('contended');
      this.merge(item, grant === undefined ? onAnswer : this.onGround(item.partition, onAnswer));
    });
    if (error !== undefined) onAnswer(error);
  }

  /**
   * Throws `incomplete` if the life that made a dot of the item is over. Any member may close such
   * a dot as soon as no member has stated that it holds it. A store with a grant needs no such
   * test. If the coordinator is gone, the owners have changed and the number has ended. And the
   * item may be a copy of an earlier write, by another node than its coordinator.
   */
  #assertLives({ dots }: Pick<StoreItem, 'dots'>): void {
    const { members } = this.#parts;
    if (dots.some(({ actor }) => members.hasEnded(nodeOfActor(actor), lifeOfActor(actor))))
      throw new MecError('incomplete');
  }

  /** Merges an item into the replica. If that is impossible, throws and changes nothing. */
  merge(item: StoreItem, onAnswer: OnAnswer<StoreResult>): void {
    const { partition, key, object, dots, memory } = item;
    const replica = this.#parts.store.of(partition);
    // Otherwise the write would still remove what it has replaced, though its own version goes.
    if (replica.hasClosed(dots)) throw new MecError('incomplete');
    replica.merge({ key, object, dots, memory }, (error) =>
      onAnswer(error ?? this.#storeResultOf(replica, item)),
    );
  }

  /** The owners that this node knows, if the asker knows others. */
  #ownersIfOthers(partition: number, { ownersHash }: KnownOwners): OwnerSets | undefined {
    const { members } = this.#parts;
    // A node that has found no cluster yet knows no owners.
    if (ownersHash === undefined || members.replicas === 0) return undefined;
    const view = members.view(partition);
    return view.hash === ownersHash ? undefined : view;
  }

  /**
   * The answer about an item, made when it is durable: from then on, a new owner that is filled
   * here gets it. It is `incomplete` if a dot of the item was closed meanwhile: its version goes,
   * in every replica.
   */
  #storeResultOf(
    replica: Replica,
    item: KnownOwners & Pick<StoreItem, 'dots'>,
  ): StoreResult | MecError {
    if (replica.hasClosed(item.dots)) return new MecError('incomplete');
    const { partition, number, actor } = replica;
    const { life } = this.#parts.members.own;
    return {
      actor,
      life,
      replica: number,
      fences: this.#parts.partitions.of(partition).fences.needed,
      owners: this.#ownersIfOthers(partition, item),
    };
  }

  repair(item: StoreItem): void {
    try {
      this.merge(item, () => {});
    } catch (error) {
      this.#parts.env.log.warn('own replica not repaired', { reason: messageOf(error) });
    }
  }

  grant(asked: Omit<KeyGrantRequest, 'have' | 'timeoutMs'>, onAnswer: OnAnswer<KeyGrant>): void {
    const view = this.#parts.partitions.of(asked.partition);
    view.whenConfirmed(() => {
      const granted = orError(() => grantKey(this.#parts, asked));
      if (!(granted instanceof MecError)) view.observe(granted.actor);
      onAnswer(granted);
    });
  }

  /** Frees a key. If the grant still waits here, the release waits behind it. */
  release({ partition, key, ballot }: Omit<BallotRequest, 'timeoutMs'>): void {
    const { grants, partitions } = this.#parts;
    partitions.of(partition).whenConfirmed(() => grants.release(partition, key, ballot));
  }

  /** Returns whether the number of a grant is current, and ends it. */
  takeGrant({ partition, key }: Pick<StoreItem, 'partition' | 'key'>, number: string): boolean {
    return this.#parts.grants.take(groundOf(this.#parts, partition), key, number);
  }

  /**
   * Returns the callback for a store that has used its number. It answers `incomplete` if the
   * ground of the number ends before the store is durable. A replica that was filled from here in
   * the meantime lacks the write.
   */
  onGround(partition: number, onAnswer: OnAnswer<StoreResult>): OnAnswer<StoreResult> {
    const { grants, store, members } = this.#parts;
    const taken = grants.currentGround(groundOf(this.#parts, partition));
    return (answer) => {
      // If the disk has failed by now there is no replica, and the answer is that error.
      const replica = answer instanceof MecError ? undefined : store.find(partition);
      const ground = replica && grants.currentGround({ replica, view: members.view(partition) });
      const isOver = ground !== taken;
      onAnswer(isOver && !(answer instanceof MecError) ? new MecError('incomplete') : answer);
    };
  }

  /** The versions of a partition that expire; undefined if none does, or if the disk has failed. */
  expiring(partition: number): ExpiringVersions | undefined {
    const replica = this.#parts.store.find(partition);
    if (replica?.expiry.hasAny !== true) return undefined;
    const { expiry } = replica;
    return {
      isDue: (nowMicros) => expiry.isDue(nowMicros),
      due: (nowMicros, limit) => expiry.due(nowMicros, limit),
      versionsOf: (key) => replica.read(key).versions,
      postpone: () => expiry.postpone(),
    };
  }

  /** Whether the replica of a partition may hold everything that was ever acknowledged. */
  isComplete(partition: number): boolean {
    return this.#parts.store.of(partition).isComplete;
  }

  /**
   * Throws `stopping` if this node is gone. It may hand its replicas over, but must take no write.
   * Other members need no statement of a node that is gone before they forget, so a write that it
   * acknowledged now could be lost.
   *
   * Throws `not-ready` if this node joins, and is no pending owner of the partition. It may be told
   * to leave, and is gone at once then.
   */
  assertTakes(partition: number): void {
    const { members } = this.#parts;
    const { state } = members.own;
    if (state === 'gone')
      throw new MecError('stopping', nothingWritten('This node has left its cluster.'));
    if (state !== 'joining' || members.holds(partition)) return;
    const details = nothingWritten('This node is joining, and will not own the key.');
    throw new MecError('not-ready', { ...details, retryAfter: 1 });
  }
}

/** Returns the answer, or the error that was thrown instead. */
function orError<Answer>(answer: () => Answer): Answer | MecError {
  try {
    return answer();
  } catch (error) {
    return toMecError(error);
  }
}
