/**
 * One ballot of a conditional write: the key granted by a majority of the owners, and what they
 * hold, read in the same turn.
 */
import { MecError } from '../../base/errors.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { Condition } from '../../core/quorum/condition.ts';
import type { MadeWrite } from '../../core/quorum/decision.ts';
import { JointTally } from '../../core/quorum/joint-tally.ts';
import { type FilledObject, merge } from '../../core/causality/object.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import type { GrantReply } from '../../transport/message.ts';
import type { OwnerView } from '../membership/members.ts';
import type { Peer } from '../membership/peers.ts';
import type { KeyPlace } from '../holders/select.ts';
import { withBodies } from '../holders/sparse-versions.ts';
import { grantHere } from './grant-here.ts';
import type { Scope } from './scope.ts';
import type { PutRequest } from './write.ts';

/** A write with a condition. */
export type ConditionalRequest = PutRequest & { readonly condition: Condition };

/** What a ballot has won. From here on its set of deciders is closed: what is granted later counts for nothing. */
export interface Granted {
  readonly place: KeyPlace;
  readonly view: OwnerView;
  /** How many of the owners must agree. */
  readonly need: number;
  /** The members that have granted the key, this node included, each with the number of its grant. */
  readonly numbers: ReadonlyMap<string, string>;
  /** What the deciders hold, merged. */
  readonly object: FilledObject<Uint8Array>;
  readonly remembered: readonly MadeWrite[];
}

/** Asks the owners for the key, once. */
export class Ballot {
  readonly #scope: Scope;
  readonly #request: ConditionalRequest;
  readonly #id: string;
  readonly #place: KeyPlace;
  readonly #view: OwnerView;
  readonly #tally: JointTally;
  readonly #numbers = new Map<string, string>();
  readonly #remembered: MadeWrite[] = [];
  readonly #asked: Peer[] = [];
  #object: FilledObject<Uint8Array> = NOTHING;
  #own: FilledObject<Uint8Array> = NOTHING;
  #isRefused = false;
  #isClosed = false;

  constructor(scope: Scope, request: ConditionalRequest) {
    this.#scope = scope;
    this.#request = request;
    this.#id = scope.forwardedWrites.nextId();
    this.#place = scope.holders.placeOf(request.key);
    this.#view = scope.members.view(this.#place.partition);
    const { length } = this.#place.owners;
    // Only owners are counted, so `pr` and `pw` ask for no more than `r` and `w` do.
    const { r, w, pr = 1, pw = 1 } = request;
    const asked = [r, w, pr, pw].map((quorum) => quorumSize(quorum, length));
    this.#tally = new JointTally(this.#view, Math.max(...asked));
  }

  /**
   * Has the key granted; resolves with undefined if other writes have it, and rejects if too few
   * owners can be reached.
   */
  run(): Promise<Granted | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        const verdict = this.#tally.verdict();
        if (this.#isClosed || verdict === 'waiting') return;
        this.#isClosed = true;
        if (verdict === 'met') resolve(this.#granted());
        else if (this.#isRefused) resolve(undefined);
        else reject(this.#tally.lacking.readError('Nothing was written.'));
      };
      // Without its own grant this node could not store what it decides.
      if (!this.#grantOwn()) return resolve(undefined);
      this.#chooseAsked();
      for (const { id } of this.#asked) this.#tally.ask(id);
      for (const peer of this.#asked) this.#ask(peer, settle);
      settle();
    });
  }

  #granted(): Granted {
    const granted = { place: this.#place, view: this.#view, need: this.#tally.need, object: this.#object };
    return { ...granted, numbers: new Map(this.#numbers), remembered: [...this.#remembered] };
  }

  #grantOwn(): boolean {
    const { key, condition } = this.#request;
    const { self } = this.#scope.members;
    const asked = { key, ballot: this.#id, view: this.#view.name, idempotencyKey: condition.idempotencyKey };
    const granted = grantHere(this.#scope, asked);
    if (granted === undefined) return false;
    this.#scope.partitions.of(this.#place.partition).observe(granted.actor);
    this.#own = granted.object;
    this.#object = granted.object;
    this.#numbers.set(self, granted.number);
    if (granted.remembered !== undefined) this.#remembered.push(granted.remembered);
    this.#tally.ask(self);
    this.#tally.succeed(self);
    return true;
  }

  /** All owners and pending owners that can be reached; suspects only if there are too few without them. */
  #chooseAsked(): void {
    const { members, peers } = this.#scope;
    const { owners, nextOwners } = this.#view;
    const others = owners.filter((id) => id !== members.self);
    const pending = nextOwners.filter((id) => !owners.includes(id));
    this.#asked.push(...peers.reachable(others, this.#tally.need - 1), ...peers.reachable(pending, pending.length));
  }

  #ask(peer: Peer, settle: () => void): void {
    const { key, condition, timeoutMs } = this.#request;
    const head = { kind: 'grant', ballot: this.#id, key, view: this.#view.name } as const;
    const { idempotencyKey } = condition;
    const floors = this.#scope.partitions.of(this.#place.partition).floorNames;
    peer.data.request({ ...head, have: this.#own.versions, idempotencyKey, floors }, timeoutMs, (reply) => {
      if (this.#isClosed) return;
      if (reply instanceof MecError) this.#tally.fail(peer.id, reply.code);
      else if (reply.kind === 'granted') this.#add(peer, reply);
      else {
        const code = reply.kind === 'failed' ? reply.code : 'internal';
        this.#isRefused ||= code === 'contended';
        this.#tally.fail(peer.id, code);
      }
      settle();
    });
  }

  #add(peer: Peer, { number, actor, context, versions, remembered }: GrantReply): void {
    const whole = withBodies(versions, this.#own.versions);
    if (whole === undefined) return this.#tally.fail(peer.id, 'internal');
    this.#scope.partitions.of(this.#place.partition).observe(actor);
    this.#object = merge(this.#object, { versions: whole, context });
    this.#numbers.set(peer.id, number);
    if (remembered !== undefined) this.#remembered.push(remembered);
    this.#tally.succeed(peer.id);
  }

  /** Frees the key at all that were asked, if it was not written to; what is granted late is freed as well. */
  end(): void {
    const { key, timeoutMs } = this.#request;
    this.#scope.grants.release(this.#place.partition, key, this.#id);
    for (const peer of this.#asked) {
      peer.data.request({ kind: 'release', ballot: this.#id, key }, timeoutMs, () => {});
    }
  }
}

const NOTHING: FilledObject<Uint8Array> = { versions: [], context: new CausalContext() };
