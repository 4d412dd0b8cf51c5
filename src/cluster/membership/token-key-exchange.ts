/**
 * The keys for tokens in a cluster: a member draws them, the answers to probes carry them to all
 * others, and each node keeps them on its disk. Only answers carry them, so that no node sends a
 * key to an address before it has heard from there.
 */
import type { Env } from '../../base/env.ts';
import { messageOf } from '../../base/errors.ts';
import type { TokenKey, TokenKeys } from '../../core/causality/token-keys.ts';
import type { Store } from '../../storage/store.ts';
import type { WallTime } from '../wall-time.ts';
import type { ClusterId } from './cluster-id.ts';
import type { Members } from './members.ts';
import type { Peers } from './peers.ts';

/** The parts of a node that its keys need. */
export interface TokenKeyParts {
  readonly env: Pick<Env, 'random' | 'log'>;
  readonly tokenKeys: TokenKeys;
  readonly cluster: ClusterId;
  readonly members: Members;
  readonly peers: Peers;
  readonly time: WallTime;
  readonly store: Pick<Store, 'keepTokenKeys' | 'keptTokenKeys'>;
}

/** Draws, exchanges, keeps and forgets the keys of one node. */
export class TokenKeyExchange {
  readonly #parts: TokenKeyParts;
  /** The ids of the keys on this disk. */
  #kept: ReadonlySet<number>;
  /** The ids of the keys that each member has said to have on its disk. */
  readonly #heard = new Map<string, ReadonlySet<number>>();

  constructor(parts: TokenKeyParts) {
    this.#parts = parts;
    // These were read from the disk.
    this.#kept = new Set(parts.tokenKeys.all.map(({ id }) => id));
  }

  /** The keys to tell a node of this cluster. */
  told(): readonly TokenKey[] {
    return this.#parts.tokenKeys.all.filter(({ id }) => this.#kept.has(id));
  }

  /** Notes the keys that a node of this cluster has on its disk. */
  note(from: string, keys: readonly TokenKey[]): void {
    const { tokenKeys, members } = this.#parts;
    tokenKeys.merge(keys);
    const ids = new Set(tokenKeys.idsOf(keys));
    if (members.get(from) === undefined) return;
    this.#heard.set(from, ids);
    this.#countHeard();
  }

  /** Does all that is due. Runs at every heartbeat. */
  onHeartbeat(): void {
    const { env, tokenKeys, cluster, members, time } = this.#parts;
    if (!cluster.isMember || !members.isInformed) return;
    const names = this.#names();
    for (const name of this.#heard.keys()) if (!names.includes(name)) this.#heard.delete(name);
    this.#countHeard();
    const nowMicros = time.nowMicros(names);
    if (tokenKeys.isDue(nowMicros) && this.#draws()) {
      tokenKeys.draw(env.random);
      env.log.info('key for tokens drawn');
    }
    const others = names.filter((name) => name !== members.self);
    const isEverywhere = (id: number): boolean =>
      this.#kept.has(id) && others.every((name) => this.#heard.get(name)?.has(id) === true);
    tokenKeys.settle(isEverywhere, nowMicros);
    tokenKeys.forgetOld(nowMicros);
    this.#keep();
  }

  #names(): string[] {
    const { members } = this.#parts;
    return members.in('joining', 'up', 'leaving').map(({ name }) => name);
  }

  /** Notes when most members have told their keys. */
  #countHeard(): void {
    const { tokenKeys, members } = this.#parts;
    const told = this.#names().filter((name) => name === members.self || this.#heard.has(name));
    if (told.length > this.#names().length / 2) tokenKeys.isInformed = true;
  }

  /**
   * One of the members that hear each other draws: the first by name. A node that has not heard
   * most of them may only lack the keys that there are.
   */
  #draws(): boolean {
    const { tokenKeys, members, peers } = this.#parts;
    if (members.own.state !== 'up' || !tokenKeys.isInformed) return false;
    const isBefore = (name: string): boolean =>
      name < members.self && members.get(name)?.state === 'up';
    return !peers.allReachable().some(({ id }) => isBefore(id));
  }

  #keep(): void {
    const { env, tokenKeys, store } = this.#parts;
    const { all } = tokenKeys;
    if (all.length === 0) return;
    try {
      store.keepTokenKeys(all, () => (this.#kept = new Set(all.map(({ id }) => id))));
    } catch (error) {
      // The store may be closed. The next heartbeat tries again.
      env.log.debug('keys for tokens not kept', { reason: messageOf(error) });
    }
  }
}
