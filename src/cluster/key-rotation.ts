/**
 * The change of a node's key while the cluster runs. The node draws a second key, and tells all
 * members. When each of them has it on its disk, the node uses it, and revokes the first one. So
 * no member ever meets a key that it does not know, whatever is restarted in between.
 *
 * Each step is done by what the disk has: a next key that is not used yet, or other keys of
 * this node that still count. So a start goes on where the last process was.
 */
import type { Env, Timer } from '../base/env.ts';
import { MecError, messageOf } from '../base/errors.ts';
import { drawSecretKey, type KeyPair, keyPairOf } from '../base/x25519.ts';
import type { Ledger } from '../core/security/ledger.ts';
import { assertAcceptable, nodeKeyRecord, replacedKeys } from '../core/security/ledger-change.ts';
import { ROTATION_RETRY_MS, ROTATION_WAIT_MS } from './limits.ts';
import type { LedgerExchange } from './membership/ledger-exchange.ts';
import type { NodeKeyring } from './node-keyring.ts';

/** The files with the secret keys of a node. */
export interface KeyFiles {
  /** The key that the node will use; undefined if there is none. */
  next(): Promise<KeyPair | undefined>;
  /** Keeps the next key. Resolves when it is durable. */
  keepNext(next: KeyPair): Promise<void>;
  /** Makes the next key the one of the node. Resolves when that is durable. */
  useNext(): Promise<void>;
}

/** The parts that a change of the key needs. */
export interface KeyRotationParts {
  readonly env: Pick<Env, 'clock' | 'log'>;
  readonly ledger: Ledger;
  readonly ledgerExchange: Pick<LedgerExchange, 'spread' | 'nowMicros'>;
  readonly node: string;
  readonly keyring: Pick<NodeKeyring, 'own' | 'replaceOwn'>;
  readonly files: KeyFiles;
}

/** The progress of a change. */
export interface Rotation {
  readonly isDone: boolean;
  /** The members that do not have the new key on their disks, as far as that is known. */
  readonly waitsFor: readonly string[];
}

/** Changes the key of one node. */
export class KeyRotation {
  readonly #parts: KeyRotationParts;
  #waitsFor: readonly string[] = [];
  /** The step that runs, and whether it has ended the change. */
  #step: Promise<boolean> | undefined;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(parts: KeyRotationParts) {
    this.#parts = parts;
  }

  /** Goes on with a change that the last process of this node has begun. */
  start(): void {
    void this.#tryStep();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /**
   * Begins a change, or goes on with the one that has begun. Resolves when it is done, or has
   * waited some seconds for a member; then it goes on by itself. Rejects with `bad-parameter` if
   * the key of this node does not count, and with `ledger-full`.
   */
  async rotate(): Promise<Rotation> {
    const { ledger, ledgerExchange, node, keyring, files } = this.#parts;
    if (ledger.nodeKeys().get(keyring.own.publicKey) !== node)
      throw new MecError('bad-parameter', {
        parameter: 'key',
        detail: `The key of ${node} was revoked, so the other nodes take no other one from it`,
      });
    await this.#step;
    if ((await files.next()) === undefined) {
      const next = keyPairOf(drawSecretKey()) as KeyPair;
      const record = nodeKeyRecord(node, next.publicKey);
      assertAcceptable(ledger, record, ledgerExchange.nowMicros);
      await files.keepNext(next);
    }
    const isDone = await this.#tryForAWhile();
    return { isDone, waitsFor: isDone ? [] : this.#waitsFor };
  }

  async #tryForAWhile(): Promise<boolean> {
    const { clock } = this.#parts.env;
    const endMs = clock.monotonicMs() + ROTATION_WAIT_MS;
    for (;;) {
      if (await this.#tryStep()) return true;
      if (this.#isStopped || clock.monotonicMs() >= endMs) return false;
      await new Promise<void>((resolve) => clock.after(ROTATION_RETRY_MS, resolve));
    }
  }

  /** Does what can be done now, and the rest later. Resolves with whether nothing is left. */
  #tryStep(): Promise<boolean> {
    const { env } = this.#parts;
    this.#step ??= this.#advance()
      .catch((error: unknown) => {
        // This node has no majority, or does not know the members yet.
        env.log.debug('key of this node not changed yet', { reason: messageOf(error) });
        return false;
      })
      .then((isDone) => {
        this.#step = undefined;
        this.#timer?.cancel();
        if (!isDone && !this.#isStopped)
          this.#timer = env.clock.after(ROTATION_RETRY_MS, () => void this.#tryStep());
        return isDone;
      });
    return this.#step;
  }

  async #advance(): Promise<boolean> {
    const { env, ledger, ledgerExchange, node, keyring, files } = this.#parts;
    const next = await files.next();
    if (next !== undefined) {
      const { lack } = await ledgerExchange.spread([nodeKeyRecord(node, next.publicKey)]);
      this.#waitsFor = lack;
      if (lack.length > 0 || this.#isStopped) return false;
      await files.useNext();
      keyring.replaceOwn(next);
      env.log.info('this node has a new key', { key: next.publicKey });
    }
    const { publicKey } = keyring.own;
    const replaced = replacedKeys(ledger, { node, publicKey }, ledgerExchange.nowMicros);
    if (replaced.length > 0) await ledgerExchange.spread(replaced);
    return true;
  }
}
