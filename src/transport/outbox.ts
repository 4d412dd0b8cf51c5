/**
 * An outbox: the messages from one node to one other. It is flushed once per turn of the event
 * loop, with many messages in one frame, which is faster by an order of magnitude. One frame is on
 * its way at a time, and later messages wait, within bounds.
 */
import type { Clock } from '../base/env.ts';
import {
  FRAME_TARGET_BYTES,
  MAX_OUTBOX_BYTES,
  MAX_OUTBOX_MESSAGES,
  MAX_REPLY_BYTES,
  SEND_RETRY_MS,
} from './limits.ts';
import { type FrameHead, packFrame, type PackedItem } from './frame.ts';

interface Waiting {
  readonly item: PackedItem;
  readonly deadlineMs: number;
}

/** Messages that leave an outbox together. */
interface Departure {
  readonly items: readonly PackedItem[];
  /** With those that are overdue. */
  readonly bytes: number;
  /** The last deadline. */
  readonly deadlineMs: number;
}

/** The bytes that wait in all outboxes of one socket. */
export class SharedBytes {
  used = 0;
  /** The outboxes of nodes that must first read earlier frames. */
  readonly stuck = new Set<Outbox>();

  /** Whether some more bytes fit. */
  hasRoomFor(bytes: number): boolean {
    return this.used + bytes <= MAX_REPLY_BYTES;
  }

  /** The outbox to empty for more room: of those that are stuck, the one with the most bytes. */
  get fullest(): Outbox | undefined {
    let fullest: Outbox | undefined;
    for (const outbox of this.stuck)
      if (outbox.length > 0 && outbox.bytes > (fullest?.bytes ?? 0)) fullest = outbox;
    return fullest;
  }

  /** Makes room for some more bytes, if that is possible. */
  makeRoom(bytes: number): void {
    while (!this.hasRoomFor(bytes)) {
      const { fullest } = this;
      if (fullest === undefined) return;
      fullest.drop();
    }
  }
}

/** The parts of an outbox. */
export interface OutboxOptions {
  readonly clock: Clock;
  /**
   * Sends a frame. Resolves with false if that must be tried again, because the other node has not
   * read the earlier ones.
   */
  readonly send: (frame: Uint8Array) => Promise<boolean>;
  /** Returns the head of a frame that the other node understands now. */
  readonly head: () => FrameHead;
  /** The bytes that this outbox shares with others, if it does. */
  readonly shared?: SharedBytes | undefined;
}

/** Packs messages into frames and sends them one frame at a time. */
export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #isScheduled = false;
  #isSending = false;
  #isClosed = false;
  /** The size of the last message, if it found no room. */
  #lackedBytes = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The number of waiting messages. */
  get length(): number {
    return this.#waiting.length;
  }

  /** The number of waiting bytes, with those of a frame that the network has not taken yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the last message found no room, and would find none now. */
  get isFull(): boolean {
    return this.#lackedBytes > 0 && !this.#canTake(this.#lackedBytes);
  }

  #canTake(bytes: number): boolean {
    if (this.#waiting.length >= MAX_OUTBOX_MESSAGES) return false;
    // A message that is larger than the bound may leave alone.
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_OUTBOX_BYTES) return false;
    const { shared } = this.#options;
    if (shared === undefined || shared.hasRoomFor(bytes)) return true;
    return !shared.stuck.has(this) && shared.fullest !== undefined;
  }

  /**
   * Adds a message. Returns false if there is no room, or if the outbox is closed. A message is not
   * sent after its deadline.
   */
  push(item: PackedItem, deadlineMs: number): boolean {
    const bytes = item.message.length;
    if (this.#isClosed) return false;
    if (this.#canTake(bytes)) this.#options.shared?.makeRoom(bytes);
    this.#lackedBytes = this.#canTake(bytes) ? 0 : bytes;
    if (this.#lackedBytes > 0) return false;
    this.#waiting.push({ item, deadlineMs });
    this.#add(bytes);
    this.#schedule();
    return true;
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#options.shared !== undefined) this.#options.shared.used += bytes;
  }

  /** Drops the messages that wait, because the other node does not read. */
  drop(): void {
    this.#add(-this.#waiting.reduce((sum, { item }) => sum + item.message.length, 0));
    this.#waiting = [];
  }

  /** Closes the outbox. Returns the ids of the messages that were not sent. */
  close(): number[] {
    this.#isClosed = true;
    const unsent = this.#waiting.map(({ item }) => item.id);
    this.#waiting = [];
    this.#add(-this.#bytes);
    return unsent;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isSending) return;
    this.#isScheduled = true;
    this.#options.clock.defer(() => {
      this.#isScheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      if (batch.items.length > 0) await this.#deliver(batch);
      if (!this.#isClosed) this.#add(-batch.bytes);
    }
    this.#isSending = false;
  }

  /** Sends a frame, again and again if it must, until its last message is overdue. */
  async #deliver({ items, deadlineMs }: Departure): Promise<void> {
    const { clock, send, head, shared } = this.#options;
    const frame = packFrame(items, head());
    while (!(await send(frame))) {
      if (this.#isClosed || clock.monotonicMs() > deadlineMs) break;
      shared?.stuck.add(this);
      await new Promise<void>((resolve) => clock.after(SEND_RETRY_MS, resolve));
    }
    shared?.stuck.delete(this);
  }

  #take(): Departure {
    const nowMs = this.#options.clock.monotonicMs();
    const items: PackedItem[] = [];
    let frameBytes = 0;
    let bytes = 0;
    let taken = 0;
    let last = 0;
    for (const { item, deadlineMs } of this.#waiting) {
      const { length } = item.message;
      if (items.length > 0 && frameBytes + length > FRAME_TARGET_BYTES) break;
      taken += 1;
      bytes += length;
      if (deadlineMs < nowMs) continue;
      items.push(item);
      frameBytes += length;
      last = Math.max(last, deadlineMs);
    }
    this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
    return { items, bytes, deadlineMs: last };
  }
}
