/**
 * An outbox: the messages from one node to one other. It is flushed once per turn of the event
 * loop, with many messages in one frame, which is faster by an order of magnitude. One frame is on
 * its way at a time, and later messages wait, within bounds.
 */
import type { Clock } from '../base/env.ts';
import { FRAME_TARGET_BYTES, MAX_OUTBOX_BYTES, MAX_OUTBOX_MESSAGES } from './limits.ts';
import { packFrame, type PackedItem } from './frame.ts';

interface Waiting {
  readonly item: PackedItem;
  readonly deadlineMs: number;
}

/** Packs messages into frames and sends them one frame at a time. */
export class Outbox {
  readonly #clock: Clock;
  readonly #send: (frame: Uint8Array) => Promise<void>;
  readonly #version: () => number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #isScheduled = false;
  #isSending = false;
  #isClosed = false;

  /** `version` returns the protocol version that the other node understands now. */
  constructor(clock: Clock, send: (frame: Uint8Array) => Promise<void>, version: () => number) {
    this.#clock = clock;
    this.#send = send;
    this.#version = version;
  }

  /** The number of waiting messages. */
  get length(): number {
    return this.#waiting.length;
  }

  /** The number of waiting bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a message. Returns false if there is no room, or if the outbox is closed. A message is not
   * sent after its deadline.
   */
  push(item: PackedItem, deadlineMs: number): boolean {
    const bytes = item.message.length;
    if (this.#isClosed) return false;
    if (this.#waiting.length >= MAX_OUTBOX_MESSAGES) return false;
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_OUTBOX_BYTES) return false;
    this.#waiting.push({ item, deadlineMs });
    this.#bytes += bytes;
    this.#schedule();
    return true;
  }

  /** Closes the outbox. Returns the ids of the messages that were not sent. */
  close(): number[] {
    this.#isClosed = true;
    const unsent = this.#waiting.map(({ item }) => item.id);
    this.#waiting = [];
    this.#bytes = 0;
    return unsent;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isSending) return;
    this.#isScheduled = true;
    this.#clock.defer(() => {
      this.#isScheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const items = this.#take();
      if (items.length > 0) await this.#send(packFrame(items, this.#version()));
    }
    this.#isSending = false;
  }

  #take(): PackedItem[] {
    const nowMs = this.#clock.monotonicMs();
    const items: PackedItem[] = [];
    let frameBytes = 0;
    let taken = 0;
    for (const { item, deadlineMs } of this.#waiting) {
      const bytes = item.message.length;
      if (items.length > 0 && frameBytes + bytes > FRAME_TARGET_BYTES) break;
      taken += 1;
      this.#bytes -= bytes;
      if (deadlineMs < nowMs) continue;
      items.push(item);
      frameBytes += bytes;
    }
    this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
    return items;
  }
}
