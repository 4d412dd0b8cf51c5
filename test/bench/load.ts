/**
 * The load generator of the benchmark, which is the same for every server: HTTP/1.1 keep-alive over
 * raw sockets, with one request in flight per connection. It shares the processors with the
 * servers, so it does as little as possible per request. It ends in bounded time, whatever the
 * server does.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './requests.ts';

const RECONNECT_MS = 50;
const STALLED_MS = 1_000;
const READ_BUFFER_BYTES = 64 * 1024;
const LAST_CHUNK = '0\r\n\r\n';
const DRAIN_CONNECTIONS = 64;

/** The ports to load. Connections are spread over them in turn. */
export interface Target {
  readonly ports: readonly number[];
  readonly makeClient: () => Client;
}

/** The options of a load. */
export interface LoadOptions extends Target {
  readonly connections: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  /** The shortest time between the starts of two operations of one connection; 0 for no pause. */
  readonly paceMs?: number;
  /** Called right before and right after the measured time, under load. */
  readonly atStart?: () => Promise<void>;
  readonly atEnd?: () => Promise<void>;
}

/**
 * The counts of a load. Errors and siblings include the warm-up; latencies and operations do not.
 */
export interface LoadResult {
  readonly latenciesMs: Float64Array;
  readonly durationMs: number;
  readonly errors: number;
  /** Answers of 300: several values. */
  readonly severalValues: number;
  /** Writes whose answer reported several values of the key. */
  readonly siblingWrites: number;
}

/** The quantile `share` (0 to 1) of sorted latencies, by the nearest rank; 0 if there are none. */
export function quantile(sorted: Float64Array, share: number): number {
  return (
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? 0
  );
}

class Meter {
  isRecording = false;
  operations = 0;
  errors = 0;
  severalValues = 0;
  siblingWrites = 0;
  latenciesMs: number[] = [];

  succeed(startedMs: number, nowMs: number): void {
    this.operations++;
    if (this.isRecording) this.latenciesMs.push(nowMs - startedMs);
  }

  /**
   * Counts an error, and prints the first one of a load, because a number alone explains nothing.
   */
  fail(reason: string): void {
    if (this.errors++ === 0) console.error(`first error of this load: ${reason}`);
  }

  look(status: number, head: string): void {
    if (status === 300) this.severalValues++;
    else if (head.includes('X-Mec-Siblings')) this.siblingWrites++;
  }
}

interface ConnectionOptions {
  readonly port: number;
  readonly client: Client;
  readonly meter: Meter;
  readonly paceMs: number;
  readonly onDone: () => void;
}

class Connection {
  readonly #options: ConnectionOptions;
  #socket: Socket | undefined;
  #pause: NodeJS.Timeout | undefined;
  #startedMs = 0;
  #isWithinOperation = false;
  #inFlight = false;
  #isDone = false;
  #head = '';
  #status = 0;
  /**
   * Bytes of the body still to come. Undefined for a body in chunks, whose end is found in its last
   * bytes.
   */
  #bodyLeft: number | undefined = 0;
  #tail = '';
  /** The head of an error, and its body so far. */
  #bodyStart = '';

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  open(): void {
    this.#head = '';
    this.#bodyLeft = 0;
    const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
    const callback = (length: number): boolean => {
      this.#receive(buffer, length);
      return true;
    };
    const socket = connect({
      host: '127.0.0.1',
      port: this.#options.port,
      noDelay: true,
      onread: { buffer, callback },
    });
    socket.on('connect', () => this.#next());
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed(socket));
    this.#socket = socket;
  }

  /** Closes the connection. A request that has waited too long for its answer is an error. */
  finish(nowMs: number): void {
    if (this.#isDone) return;
    if (this.#inFlight && nowMs - this.#startedMs > STALLED_MS)
      this.#options.meter.fail('not answered at the end');
    this.#end();
  }

  #end(): void {
    this.#isDone = true;
    this.#inFlight = false;
    clearTimeout(this.#pause);
    this.#socket?.destroy();
    this.#options.onDone();
  }

  #next(): void {
    if (this.#isDone) return;
    const request = this.#options.client.next();
    if (request === undefined) return this.#end();
    this.#inFlight = true;
    if (!this.#isWithinOperation) this.#startedMs = performance.now();
    this.#isWithinOperation = true;
    this.#socket?.write(request);
  }

  #receive(buffer: Buffer, length: number): void {
    if (!this.#inFlight) return;
    if (this.#head === '') this.#status = 0;
    if (this.#status === 0) {
      this.#head += buffer.toString('latin1', 0, length);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const bodyStart = end + 4;
      this.#startBody(this.#head.slice(0, end), this.#head.slice(bodyStart));
    } else if (this.#bodyLeft === undefined) {
      const end = buffer.toString('latin1', Math.max(0, length - LAST_CHUNK.length), length);
      this.#tail = (this.#tail + end).slice(-LAST_CHUNK.length);
    } else {
      this.#bodyLeft -= length;
    }
    if (this.#bodyLeft === 0 || (this.#bodyLeft === undefined && this.#tail.endsWith(LAST_CHUNK)))
      this.#answered();
    // The body is longer than announced, or its length is unreadable, so this stream is lost.
    else if (this.#bodyLeft !== undefined && !(this.#bodyLeft > 0)) this.#socket?.destroy();
  }

  #startBody(head: string, body: string): void {
    this.#head = head;
    this.#status = Number(head.slice(9, 12));
    const length = bodyLength(head, this.#status);
    this.#bodyLeft = length === undefined ? undefined : length - body.length;
    this.#tail = body.slice(-LAST_CHUNK.length);
    this.#bodyStart = this.#status < 400 ? '' : body;
  }

  #answered(): void {
    const { client, meter } = this.#options;
    const [status, head] = [this.#status, this.#head];
    this.#inFlight = false;
    this.#head = '';
    if (status >= 400) this.#fail(`${status} ${this.#bodyStart}`);
    else {
      meter.look(status, head);
      if (client.ends({ status, head })) {
        this.#isWithinOperation = false;
        meter.succeed(this.#startedMs, performance.now());
      }
    }
    this.#nextInTime();
  }

  #nextInTime(): void {
    const { paceMs } = this.#options;
    if (paceMs === 0 || this.#isWithinOperation) return this.#next();
    const waitMs = this.#startedMs + paceMs - performance.now();
    if (waitMs <= 0) this.#next();
    else this.#pause = setTimeout(() => this.#next(), waitMs);
  }

  #fail(reason: string): void {
    this.#options.meter.fail(reason);
    this.#options.client.failed();
    this.#isWithinOperation = false;
  }

  #closed(socket: Socket): void {
    if (this.#isDone || socket !== this.#socket) return;
    clearTimeout(this.#pause);
    this.#inFlight = false;
    this.#fail('the connection was closed');
    this.#pause = setTimeout(() => this.open(), RECONNECT_MS);
  }
}

/** The length of a body in bytes; undefined if it comes in chunks, NaN if neither is announced. */
function bodyLength(head: string, status: number): number | undefined {
  if (status === 204 || status === 304) return 0;
  const match = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (match !== null) return Number(match[1]);
  return /\r\ntransfer-encoding: *chunked/i.test(head) ? undefined : NaN;
}

function openConnections(
  { ports, makeClient }: Target,
  count: number,
  options: Pick<ConnectionOptions, 'meter' | 'paceMs' | 'onDone'>,
): Connection[] {
  return Array.from({ length: count }, (_, index) => {
    const connection = new Connection({
      ...options,
      port: ports[index % ports.length] ?? 0,
      client: makeClient(),
    });
    connection.open();
    return connection;
  });
}

/** A load that runs until it is stopped. */
export class RunningLoad {
  readonly #meter = new Meter();
  readonly #connections: Connection[];

  constructor(
    target: Target,
    { connections, paceMs = 0 }: { connections: number; paceMs?: number },
  ) {
    this.#connections = openConnections(target, connections, {
      meter: this.#meter,
      paceMs,
      onDone: () => undefined,
    });
  }

  /** Operations that have succeeded since the start, recorded or not. */
  get operations(): number {
    return this.#meter.operations;
  }

  get errors(): number {
    return this.#meter.errors;
  }

  /** Records latencies until the promise of `during` is settled. */
  async record(during: () => Promise<unknown>): Promise<LoadResult> {
    this.#meter.latenciesMs = [];
    const startMs = performance.now();
    this.#meter.isRecording = true;
    await during();
    this.#meter.isRecording = false;
    const durationMs = performance.now() - startMs;
    const { errors, severalValues, siblingWrites } = this.#meter;
    const latenciesMs = Float64Array.from(this.#meter.latenciesMs).sort();
    return { latenciesMs, durationMs, errors, severalValues, siblingWrites };
  }

  stop(): void {
    for (const connection of this.#connections) connection.finish(performance.now());
  }
}

/** Loads some ports for a bounded time. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const load = new RunningLoad(options, options);
  try {
    await sleep(options.warmupMs);
    await options.atStart?.();
    const result = await load.record(() => sleep(options.durationMs));
    await options.atEnd?.();
    return { ...result, errors: load.errors };
  } finally {
    load.stop();
  }
}

/** The results of requests that were sent once each. */
export interface DrainResult {
  readonly done: number;
  readonly errors: number;
  readonly durationMs: number;
  readonly latenciesMs: Float64Array;
}

/** Runs clients until all have finished or the time is over. */
export async function drain(
  target: Target,
  timeoutMs: number,
  connections = DRAIN_CONNECTIONS,
): Promise<DrainResult> {
  const meter = new Meter();
  meter.isRecording = true;
  const startMs = performance.now();
  let opened: Connection[] = [];
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    let open = connections;
    const onDone = (): void => {
      if (--open === 0) resolve();
    };
    opened = openConnections(target, connections, { meter, paceMs: 0, onDone });
    timer = setTimeout(() => {
      for (const connection of opened) connection.finish(performance.now());
    }, timeoutMs);
  });
  clearTimeout(timer);
  const latenciesMs = Float64Array.from(meter.latenciesMs).sort();
  return {
    done: meter.operations,
    errors: meter.errors,
    durationMs: performance.now() - startMs,
    latenciesMs,
  };
}
