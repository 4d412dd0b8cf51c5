/**
 * This node's own replicas, as its coordinators and its peers alike may ask for them
 * (`dispatch.ts`). All that anyone reads of a key or puts into it passes here.
 */
import type { Clock, Log } from '../../base/env.ts';
import { MecError, messageOf, toMecError } from '../../base/errors.ts';
import { replicaNumber } from '../../core/causality/replica-name.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { Store } from '../../storage/store.ts';
import type { Members } from '../membership/members.ts';
import type { Partitions } from '../partitions/partition-view.ts';
import type {
  BallotAsked,
  ExpiringVersions,
  GrantAsked,
  Holder,
  KeyGranted,
  KeyRead,
  KeysAsked,
  KeysFound,
  KeyState,
  OnAnswer,
  Stored,
  StoreItem,
  StoreTerms,
} from './holder.ts';
import { grantKey, groundOf, type LocalGrantParts } from './local-grant.ts';
import { listKeys, type LocalKeysParts } from './local-keys.ts';
import { type OwnWrite, type OwnWritten, writeVersion } from './local-write.ts';

/** The parts of a node that its own replicas need. */
export interface LocalParts extends LocalGrantParts, LocalKeysParts {
  readonly env: { readonly clock: Clock; readonly log: Log };
  readonly members: Members;
  readonly partitions: Partitions;
  readonly store: Store;
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

  /** Just after a start, a read waits until the replica was compared with the others. */
  read({ partition, key }: Pick<KeyRead, 'partition' | 'key'>, onAnswer: OnAnswer<KeyState>): void {
    this.#parts.partitions
      .of(partition)
      .whenConfirmed(() => onAnswer(orError(() => this.#stateOf(partition, key))));
  }

  #stateOf(partition: number, key: string): KeyState {
    const { store, partitions } = this.#parts;
    const replica = store.of(partition);
    partitions.of(partition).observe(replica.actor);
    const object = replica.readWhole(key);
    return { object, actor: replica.actor, isComplete: replica.isComplete };
  }

  list(asked: Omit<KeysAsked, 'timeoutMs'>): Promise<KeysFound> {
    return listKeys(this.#parts, asked);
  }

  /**
   * Makes a new version, and answers when it is durable. Throws, and changes nothing, if it cannot
   * be made.
   */
  write(asked: OwnWrite, onAnswer: OnAnswer<Stored>): OwnWritten {
    const { store, policies, partitions } = this.#parts;
    const replica = store.of(asked.partition);
    const written = writeVersion(replica, policies, asked, (error) =>
      onAnswer(error ?? this.#storedIn(replica)),
    );
    partitions.of(asked.partition).observe(replica.actor);
    return written;
  }

  /**
   * Refuses if this node is gone, or if the grant is over: another write may have the key since.
   */
  store(item: StoreItem, { grant }: Pick<StoreTerms, 'grant'>, onAnswer: OnAnswer<Stored>): void {
    const error = orError(() => {
      this.assertNotGone();
      if (grant !== undefined && !this.takeGrant(item, grant)) throw new MecError('contended');
      this.merge(item, grant === undefined ? onAnswer : this.onGround(item.partition, onAnswer));
    });
    if (error !== undefined) onAnswer(error);
  }

  /** Takes an item in. Throws, and changes nothing, if it cannot. */
  merge({ partition, key, object, dots, memory }: StoreItem, onAnswer: OnAnswer<Stored>): void {
    const replica = this.#parts.store.of(partition);
    replica.merge({ key, object, dots, memory }, (error) =>
      onAnswer(error ?? this.#storedIn(replica)),
    );
  }

  #storedIn({ partition, id, actor }: Replica): Stored {
    const { life } = this.#parts.members.own;
    return {
      actor,
      life,
      replica: replicaNumber(id),
      fences: this.#parts.partitions.of(partition).fences,
    };
  }

  repair(item: StoreItem): void {
    try {
      this.merge(item, () => {});
    } catch (error) {
      this.#parts.env.log.warn('own replica not repaired', { reason: messageOf(error) });
    }
  }

  grant(asked: Omit<GrantAsked, 'have' | 'timeoutMs'>, onAnswer: OnAnswer<KeyGranted>): void {
    const view = this.#parts.partitions.of(asked.partition);
    view.whenConfirmed(() => {
      const granted = orError(() => grantKey(this.#parts, asked));
      if (!(granted instanceof MecError)) view.observe(granted.actor);
      onAnswer(granted);
    });
  }

  release({ partition, key, ballot }: Omit<BallotAsked, 'timeoutMs'>): void {
    this.#parts.grants.release(partition, key, ballot);
  }

  /** Whether the number of a grant is current; it is not from here on. */
  takeGrant({ partition, key }: Pick<StoreItem, 'partition' | 'key'>, number: string): boolean {
    return this.#parts.grants.take(groundOf(this.#parts, partition), key, number);
  }

  /**
   * Returns the callback for a store that has used up a number. It gets `incomplete` if the ground of
   * the number has ended by then: a replica that was filled from here in between lacks the store.
   */
  onGround(partition: number, onAnswer: OnAnswer<Stored>): OnAnswer<Stored> {
    const { grants, store, members } = this.#parts;
    const taken = grants.groundNow(groundOf(this.#parts, partition));
    return (answer) => {
      // A store that has failed since has no replica to ask, and answers with that error.
      const replica = answer instanceof MecError ? undefined : store.find(partition);
      const ground = replica && grants.groundNow({ replica, view: members.view(partition) });
      const isOver = ground !== taken;
      onAnswer(isOver && !(answer instanceof MecError) ? new MecError('incomplete') : answer);
    };
  }

  /** The versions of a partition that expire; undefined while the disk has failed. */
  expiring(partition: number): ExpiringVersions | undefined {
    const replica = this.#parts.store.find(partition);
    if (replica === undefined) return undefined;
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
   * Throws `stopping` if this node is gone: it may hand over its replicas, but must take nothing
   * more. The others do not ask a node that is gone before they forget, so a write that it
   * acknowledged now could be lost.
   */
  assertNotGone(): void {
    if (this.#parts.members.own.state !== 'gone') return;
    throw new MecError('stopping', {
      detail: 'This node has left its cluster. Nothing was written.',
    });
  }
}

/** The answer, or the error that was thrown in its place. */
function orError<Answer>(answer: () => Answer): Answer | MecError {
  try {
    return answer();
  } catch (error) {
    return toMecError(error);
  }
}
