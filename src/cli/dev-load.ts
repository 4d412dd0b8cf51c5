/** A load on a development cluster: reads and writes at any running node, at a steady rate. */
import type { Timer } from '../base/env.ts';
import { systemClock, systemRandom } from '../base/system.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { readAnswer } from '../client/answer-body.ts';
import type { ClientWorld } from '../client/world.ts';
import {
  DEV_ASK_TIMEOUT_MS,
  DEV_LOAD_KEYS,
  DEV_LOAD_PER_SECOND,
  DEV_LOAD_TICK_MS,
  MAX_DEV_LOAD_IN_FLIGHT,
} from './limits.ts';

/** One request in this number is a write. */
const WRITE_SHARE = 4;

const drawBelow = (bound: number): number => systemRandom.uint32() % bound;

/** A load that can be started and stopped. */
export class DevLoad {
  readonly perSecond = DEV_LOAD_PER_SECOND;
  readonly #urls: () => readonly string[];
  readonly #fetch: ClientWorld['fetch'];
  #timer: Timer | undefined;
  #inFlight = 0;

  /** `urls` are those of the nodes that run now. */
  constructor(urls: () => readonly string[], fetch: ClientWorld['fetch']) {
    this.#urls = urls;
    this.#fetch = fetch;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  start(): void {
    this.#timer ??= systemClock.after(DEV_LOAD_TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = systemClock.after(DEV_LOAD_TICK_MS, () => this.#tick());
    const urls = this.#urls();
    const count = (this.perSecond * DEV_LOAD_TICK_MS) / 1_000;
    // A cluster that is slow gets fewer requests, instead of a queue here.
    for (let i = 0; i < count && this.#inFlight < MAX_DEV_LOAD_IN_FLIGHT; i++) {
      const url = urls[drawBelow(urls.length)];
      if (url !== undefined) void this.#send(url);
    }
  }

  async #send(url: string): Promise<void> {
    this.#inFlight += 1;
    const key = `load:${drawBelow(DEV_LOAD_KEYS)}`;
    const isWrite = drawBelow(WRITE_SHARE) === 0;
    const signal = AbortSignal.timeout(DEV_ASK_TIMEOUT_MS);
    try {
      const body = isWrite ? utf8ToBytes(`written at ${systemClock.wallMicros()}`) : undefined;
      // Without `replace` each write would add a sibling.
      const path = `/mec/${key}${isWrite ? '?replace=true' : ''}`;
      const method = isWrite ? 'PUT' : 'GET';
      const init = { method, headers: {}, body, signal, redirect: 'manual' } as const;
      await readAnswer(await this.#fetch(url + path, init));
    } catch {
      // The page shows failed requests. A node that was killed answers none.
    } finally {
      this.#inFlight -= 1;
    }
  }
}
