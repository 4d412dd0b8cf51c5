/**
 * Conversations: the snapshots that this node serves. A snapshot is a conversation between two
 * replicas, and all its pages show the state of the sender at the opening. Pages of a changing
 * state would have some keys before a write and others after it, and no clock would fit them.
 *
 * A conversation ends with the replica whose state it shows, and with the process. Its id is
 * unknown then, and the receiver must begin again.
 */
import type { Env, Timer } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { MAX_CONVERSATIONS, MAX_PEER_CONVERSATIONS, type SyncLimits } from '../limits.ts';
import { drawName } from '../../core/causality/actor.ts';
import type { Statement } from '../../core/causality/evidence.ts';
import type { Replica } from '../../storage/replica/replica.ts';
import type { ReplicaView } from '../../storage/replica/replica-view.ts';
import type { SnapshotReply, SnapshotRequest, SyncItem } from '../../transport/message.ts';

interface Conversation {
  /** The member that takes the snapshot. */
  readonly from: string;
  readonly replica: Replica;
  readonly view: ReplicaView;
  readonly statement: Statement;
  /**
   * The number of marks that the replica had made at the opening. If it has made another one since,
   * a page may lack the key of that mark.
   */
  readonly marks: number;
  timer: Timer;
}

/** The parts of a node that conversations use. */
export interface ConversationsOptions {
  readonly env: Env;
  readonly limits: SyncLimits;
  /** Makes the statement of this node about a replica. */
  readonly makeStatement: (replica: Replica) => Statement;
}

/** The snapshots that this node serves. */
export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #byId = new Map<string, Conversation>();

  constructor(options: ConversationsOptions) {
    this.#options = options;
  }

  /** The next page of a snapshot of the replica; throws `behind` if the conversation has ended. */
  async serve(replica: Replica, { from, id, after }: SnapshotRequest): Promise<SnapshotReply> {
    const name = id ?? (await this.#open(replica, from));
    const conversation = this.#byId.get(name);
    const isSame =
      conversation?.replica === replica && conversation.marks === replica.marks.madeCount;
    if (!isSame || replica.commits.isRetired) {
      this.#end(name);
      throw new MecError('behind', { detail: 'The snapshot has ended' });
    }
    conversation.timer.cancel();
    conversation.timer = this.#endLater(name);
    const { statement, view } = conversation;
    const page = await this.#page(view, after);
    if (page.next === undefined) this.#end(name);
    const opening = id === undefined ? { statement, cut: view.cut } : undefined;
    return { kind: 'snapshot-page', id: name, opening, ...page };
  }

  async #open(replica: Replica, from: string): Promise<string> {
    this.#endOldest(replica, from);
    if (this.#byId.size >= MAX_CONVERSATIONS) {
      throw new MecError('overloaded', {
        detail: `This node has reached its limit of ${MAX_CONVERSATIONS} snapshots at a time.`,
        retryAfter: 1,
      });
    }
    const id = drawName(this.#options.env.random);
    const view = await replica.view();
    if (!replica.isWhole) {
      await view.close();
      throw new MecError('damaged', { detail: 'The replica cannot read all of its keys' });
    }
    // The statement and the view show the same moment, because nothing ran in between.
    const statement = { ...this.#options.makeStatement(replica), clock: view.clock };
    this.#byId.set(id, {
      from,
      replica,
      view,
      statement,
      marks: replica.marks.madeCount,
      timer: this.#endLater(id),
    });
    return id;
  }

  async #page(
    view: ReplicaView,
    after: string | undefined,
  ): Promise<{ items: readonly SyncItem[]; next: string | undefined }> {
    const { pageDots, pageBytes } = this.#options.limits;
    const keys = await view.keysAfter(after, pageDots);
    const items: SyncItem[] = [];
    let bytes = 0;
    for (const key of keys) {
      if (bytes >= pageBytes) return { items, next: items[items.length - 1]?.key };
      const object = view.read(key);
      bytes += object.versions.reduce((sum, { body }) => sum + body.length, key.length);
      items.push({ key, object, dots: [] });
    }
    return { items, next: keys.length < pageDots ? undefined : keys[keys.length - 1] };
  }

  /** A peer that opens snapshots and takes none of them must not keep others from theirs. */
  #endOldest(replica: Replica, from: string): void {
    const open = [...this.#byId].filter(
      ([, other]) => other.replica === replica && other.from === from,
    );
    if (open.length < MAX_PEER_CONVERSATIONS) return;
    const [[oldest] = ['']] = open;
    this.#end(oldest);
  }

  #endLater(id: string): Timer {
    const { env, limits } = this.#options;
    return env.clock.after(limits.conversationMs, () => this.#end(id));
  }

  #end(id: string): void {
    const conversation = this.#byId.get(id);
    if (conversation === undefined) return;
    this.#byId.delete(id);
    conversation.timer.cancel();
    conversation.view.close().catch(() => {});
  }

  /** Ends the conversations of one replica, or all of them. */
  end(replica?: Replica): void {
    for (const [id, each] of this.#byId)
      if (replica === undefined || each.replica === replica) this.#end(id);
  }
}
