/** The nodes that a client knows, which of them are well, and whom to ask next. */
import { jittered } from '../base/delays.ts';
import {
  CLIENT_FIRST_HEDGE_MS,
  CLIENT_HEDGE_BURST,
  CLIENT_HEDGE_SHARE,
  CLIENT_MAX_HEDGE_MS,
  CLIENT_MAX_REST_MS,
  CLIENT_MIN_HEDGE_MS,
  CLIENT_REST_MS,
} from './limits.ts';
import { Latency } from '../core/quorum/latency.ts';
import type { ClientWorld } from './world.ts';

/** One node, as a client sees it. */
export interface PoolNode {
  readonly url: string;
  /** In a row. */
  failures: number;
  /** Until then it is asked only when all others have been. */
  restUntilMs: number;
}

/** The nodes of a client. */
export class NodePool {
  readonly nodes: readonly PoolNode[];
  readonly #world: ClientWorld;
  readonly #latency = new Latency();
  #next: number;
  /** Second nodes that may be asked. */
  #hedges = CLIENT_HEDGE_BURST;

  /** Takes base URLs, `http://host:port`; throws a `TypeError` for what is none. */
  constructor(urls: readonly string[], world: ClientWorld) {
    if (urls.length === 0) throw new TypeError('MecClient needs the URL of at least one node');
    this.nodes = urls.map((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
        throw new TypeError(
          `${JSON.stringify(text)} is not the URL of a node; expected something like http://127.0.0.1:3000`,
        );
      }
      return { url: url.href.replace(/\/+$/, ''), failures: 0, restUntilMs: 0 };
    });
    this.#world = world;
    this.#next = world.random.uint32() % urls.length;
  }

  /** The next node to ask that is not among `tried`: the well ones in turn, then those whose rest ends first. */
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

  /** A node has answered well. */
  answered(node: PoolNode, latencyMs: number): void {
    node.failures = 0;
    node.restUntilMs = 0;
    this.#latency.add(latencyMs);
  }

  /**
   * A node has failed, or was so slow that another was faster. Who has kept a caller waiting rests
   * for at least as long.
   */
  failed(node: PoolNode, waitedMs: number): void {
    node.failures += 1;
    const restMs = Math.min(Math.max(CLIENT_REST_MS * 2 ** (node.failures - 1), 2 * waitedMs), CLIENT_MAX_REST_MS);
    node.restUntilMs = this.#world.clock.monotonicMs() + jittered(this.#world.random, restMs);
  }

  /** Takes note of a read, which earns its share of a second node. */
  noteRead(): void {
    this.#hedges = Math.min(this.#hedges + CLIENT_HEDGE_SHARE, CLIENT_HEDGE_BURST);
  }

  /** Whether a late read may go to a second node; then it counts as gone. */
  mayHedge(): boolean {
    if (this.#hedges < 1) return false;
    this.#hedges -= 1;
    return true;
  }

  /** How long to wait for a read before another node is asked as well. */
  get hedgeMs(): number {
    const ms = this.#latency.p95Ms || CLIENT_FIRST_HEDGE_MS;
    return Math.min(Math.max(2 * ms, CLIENT_MIN_HEDGE_MS), CLIENT_MAX_HEDGE_MS);
  }
}
