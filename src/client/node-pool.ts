/** The nodes that a client knows, their health, and the choice of the next one. */
import { jittered } from '../base/delays.ts';
import {
  CLIENT_FIRST_HEDGE_MS,
  CLIENT_HEDGE_BURST,
  CLIENT_HEDGE_SHARE,
  CLIENT_LATE_STEP,
  CLIENT_MAX_HEDGE_MS,
  CLIENT_MAX_REST_MS,
  CLIENT_MIN_HEDGE_MS,
  CLIENT_REST_MS,
} from './limits.ts';
import type { ClientWorld } from './world.ts';

/** One node, as the client sees it. */
export interface PoolNode {
  readonly url: string;
  /** Failures in a row. */
  failures: number;
  /** Until then, the node is asked only after all others. */
  restUntilMs: number;
}

/** The nodes of a client. */
export class NodePool {
  readonly nodes: readonly PoolNode[];
  readonly #world: ClientWorld;
  /** The time in ms after which about one answer of twenty arrives. */
  #lateMs = CLIENT_FIRST_HEDGE_MS / 2;
  #next: number;
  /** Reads that may still go to a second node. */
  #hedges = CLIENT_HEDGE_BURST;

  /** Takes base URLs, `http://host:port`. Throws a `TypeError` if it gets anything else. */
  constructor(urls: string | readonly string[], world: ClientWorld) {
    // JavaScript may pass anything, such as an environment variable that is not set.
    const texts = Array.isArray(urls) && urls.length > 0 ? urls : [urls];
    this.nodes = texts.map((text: string) => {
      const url = URL.canParse(text) ? new URL(text).href : '';
      if (!/^https?:/.test(url))
        throw new TypeError(
          `${JSON.stringify(text)} is not the URL of a node; expected a URL like http://127.0.0.1:3000`,
        );
      return { url: url.replace(/\/+$/, ''), failures: 0, restUntilMs: 0 };
    });
    this.#world = world;
    this.#next = world.random.uint32() % texts.length;
  }

  /**
   * The next node that is not in `tried`: healthy nodes in turn, then the resting node whose rest
   * ends first. Undefined if all were tried.
   */
  pick(tried: ReadonlySet<PoolNode>): PoolNode | undefined {
    const nowMs = this.#world.clock.monotonicMs();
    const { length } = this.nodes;
    let best: PoolNode | undefined;
    for (let i = 0; i < length; i++) {
      const node = this.nodes[(this.#next + i) % length] as PoolNode;
      if (tried.has(node)) continue;
      if (node.restUntilMs <= nowMs) {
        this.#next = (this.#next + i + 1) % length;
        return node;
      }
      if (best === undefined || node.restUntilMs < best.restUntilMs) best = node;
    }
    return best;
  }

  /** Records that a node has answered. */
  noteAnswer(node: PoolNode, latencyMs: number): void {
    node.failures = 0;
    node.restUntilMs = 0;
    // One step up is as long as nineteen down. So it rests if one answer of twenty is later.
    const factor = latencyMs > this.#lateMs ? CLIENT_LATE_STEP ** 19 : 1 / CLIENT_LATE_STEP;
    this.#lateMs = Math.max(this.#lateMs * factor, CLIENT_MIN_HEDGE_MS / 2);
  }

  /**
   * Records that a node has failed, or was slower than a node asked later. It rests for at least
   * the time that it has cost.
   */
  noteFailure(node: PoolNode, waitedMs: number): void {
    node.failures += 1;
    const restMs = Math.min(
      Math.max(CLIENT_REST_MS * 2 ** (node.failures - 1), 2 * waitedMs),
      CLIENT_MAX_REST_MS,
    );
    node.restUntilMs = this.#world.clock.monotonicMs() + jittered(this.#world.random, restMs);
  }

  /** Records a read, which earns a share of a second request. */
  noteRead(): void {
    this.#hedges = Math.min(this.#hedges + CLIENT_HEDGE_SHARE, CLIENT_HEDGE_BURST);
  }

  /** Whether a late read may go to a second node. If so, counts that request. */
  mayHedge(): boolean {
    if (this.#hedges < 1) return false;
    this.#hedges -= 1;
    return true;
  }

  /** The wait in ms before a read goes to a second node as well. */
  get hedgeMs(): number {
    return Math.min(2 * this.#lateMs, CLIENT_MAX_HEDGE_MS);
  }
}
