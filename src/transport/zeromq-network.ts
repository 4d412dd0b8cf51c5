/** The network of a node on ZeroMQ, and the changes of keys, which concern all of its sockets. */
import type { Address, Caller, Endpoint, Link, Network, Timer } from '../base/env.ts';
import { BothEndpoint } from './both-endpoint.ts';
import { CUT_DELAY_MS, CUT_INTERVAL_MS } from './limits.ts';
import {
  answerQuestions,
  DealerLink,
  makeContext,
  type NetworkParts,
  RouterEndpoint,
  urlOf,
  type ZeromqOptions,
} from './zeromq.ts';

/** The network of one node. */
class ZeromqNetwork implements Network {
  readonly #parts: NetworkParts;
  readonly #endpoints = new Set<RouterEndpoint | BothEndpoint>();
  readonly #links = new Set<DealerLink>();
  #handler: Promise<{ close(): void }> | undefined;
  #cut: Timer | undefined;
  #cutMs = -Infinity;

  constructor(options: ZeromqOptions) {
    this.#parts = { ...options, context: makeContext() };
  }

  async bind(
    address: Address,
    onFrame: (from: Caller, frame: Uint8Array) => void,
  ): Promise<Endpoint> {
    const { keys } = this.#parts;
    await (this.#handler ??= keys && answerQuestions(this.#parts, keys));
    const endpoint =
      keys?.areOptional === true
        ? await BothEndpoint.bind(this.#parts, address, onFrame)
        : await RouterEndpoint.bind(this.#parts, urlOf(address), onFrame);
    this.#endpoints.add(endpoint);
    return endpoint;
  }

  connect(address: Address, onFrame: (frame: Uint8Array) => void): Link {
    const link = new DealerLink(this.#parts, address, onFrame);
    this.#links.add(link);
    return {
      send: (frame) => link.send(frame),
      close: () => {
        this.#links.delete(link);
        return link.close();
      },
    };
  }

  /**
   * Must be called after each change of the keys. If some were revoked, it soon cuts all
   * connections that others have made to this node.
   */
  onKeysChanged(areSomeRevoked: boolean): void {
    for (const link of this.#links) link.check();
    if (areSomeRevoked) this.#cutSoon();
  }

  /** Must be called when this node has another key: all of its sockets have the old one. */
  onOwnKeyChanged(): void {
    for (const link of this.#links) link.redial();
    for (const endpoint of this.#endpoints) void endpoint.cut();
  }

  #cutSoon(): void {
    if (this.#cut !== undefined) return;
    const { clock } = this.#parts;
    const pauseMs = this.#cutMs + CUT_INTERVAL_MS - clock.monotonicMs();
    this.#cut = clock.after(Math.max(CUT_DELAY_MS, pauseMs), () => {
      this.#cut = undefined;
      this.#cutMs = clock.monotonicMs();
      for (const endpoint of this.#endpoints) void endpoint.cut();
    });
  }

  async close(): Promise<void> {
    this.#cut?.cancel();
    for (const socket of [...this.#endpoints, ...this.#links]) await socket.close();
    (await this.#handler)?.close();
  }
}

/** Makes the network of a node. */
export const zeromqNetwork = (options: ZeromqOptions): ZeromqNetwork => new ZeromqNetwork(options);
