/**
 * The load generator of the benchmark: HTTP/1.1 keep-alive over raw sockets, one request in flight
 * per connection. It shares the processors with the servers it measures, so it does as little as it
 * can per request; and it ends in bounded time whatever the server does.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How many keys a GET load draws from. */
export const KEY_COUNT = 10_000;

const RECONNECT_MS = 50;
const STALLED_MS = 1_000;
const READ_BUFFER_BYTES = 64 * 1024;
const BODY_POOL_BYTES = 1024 * 1024;

/** Makes the bytes of the next request, or nothing when there is none left. */
export type MakeRequest = () => Buffer | undefined;

/** What a load run is told. */
export interface LoadOptions {
  port: number;
  connections: number;
  durationMs: number;
  warmupMs: number;
  makeRequest: MakeRequest;
}

/** What a load run measured; errors are counted over the warm-up too. */
export interface LoadResult {
  requests: number;
  errors: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** What a preload is told. */
export interface PreloadOptions {
  port: number;
  prefix: string;
  valueBytes: number;
  timeoutMs: number;
}

class Meter {
  recording = false;
  errors = 0;
  latenciesMs: number[] = [];

  succeed(startedMs: number, nowMs: number): void {
    if (this.recording) this.latenciesMs.push(nowMs - startedMs);
  }
}

class Connection {
  #port: number;
  #makeRequest: MakeRequest;
  #meter: Meter;
  #onDone: () => void;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #startedMs = 0;
  #inFlight = false;
  #done = false;
  #head = '';
  #bodyLeft = 0;
  #status = 0;

  constructor(options: { port: number; makeRequest: MakeRequest }, meter: Meter, onDone: () => void) {
    this.#port = options.port;
    this.#makeRequest = options.makeRequest;
    this.#meter = meter;
    this.#onDone = onDone;
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
      port: this.#port,
      noDelay: true,
      onread: { buffer, callback },
    });
    socket.on('connect', () => this.#next());
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed(socket));
    this.#socket = socket;
  }

  /** Ends the connection; a request that has waited too long for its answer is an error. */
  finish(nowMs: number): void {
    if (this.#done) return;
    if (this.#inFlight && nowMs - this.#startedMs > STALLED_MS) this.#meter.errors++;
    this.#end();
  }

  #end(): void {
    this.#done = true;
    this.#inFlight = false;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
    this.#onDone();
  }

  #next(): void {
    if (this.#done) return;
    const request = this.#makeRequest();
    if (request === undefined) return this.#end();
    this.#inFlight = true;
    this.#startedMs = performance.now();
    this.#socket?.write(request);
  }

  #receive(buffer: Buffer, length: number): void {
    if (!this.#inFlight) return;
    if (this.#bodyLeft > 0) {
      this.#bodyLeft -= length;
    } else {
      this.#head += buffer.toString('latin1', 0, length);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.#head.slice(0, end);
      this.#status = Number(head.slice(9, 12));
      this.#bodyLeft = bodyLength(head, this.#status) - (this.#head.length - end - 4);
      this.#head = '';
    }
    if (this.#bodyLeft === 0) this.#answered();
    // More bytes than announced, or a length we cannot read: this stream is lost.
    else if (!(this.#bodyLeft > 0)) this.#socket?.destroy();
  }

  #answered(): void {
    this.#inFlight = false;
    if (this.#status < 400) this.#meter.succeed(this.#startedMs, performance.now());
    else this.#meter.errors++;
    this.#next();
  }

  #closed(socket: Socket): void {
    if (this.#done || socket !== this.#socket) return;
    this.#inFlight = false;
    this.#meter.errors++;
    this.#retry = setTimeout(() => this.open(), RECONNECT_MS);
  }
}

function bodyLength(head: string, status: number): number {
  if (status === 204 || status === 304) return 0;
  const match = /\r\ncontent-length: *(\d+)/i.exec(head);
  return match === null ? NaN : Number(match[1]);
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Loads one port for a bounded time and says how many requests were answered, and how fast. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const meter = new Meter();
  const connections = Array.from(
    { length: options.connections },
    () => new Connection(options, meter, () => undefined),
  );
  for (const connection of connections) connection.open();
  await sleep(options.warmupMs);
  const startMs = performance.now();
  meter.recording = true;
  await sleep(options.durationMs);
  meter.recording = false;
  const endMs = performance.now();
  for (const connection of connections) connection.finish(endMs);
  const latenciesMs = Float64Array.from(meter.latenciesMs).sort();
  return {
    requests: latenciesMs.length,
    errors: meter.errors,
    perSecond: (latenciesMs.length * 1000) / (endMs - startMs),
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
  };
}

/** Writes every key a GET load of this prefix draws from, and returns how many writes failed. */
export async function preload(options: PreloadOptions): Promise<number> {
  const makePut = putMaker(options.valueBytes);
  let index = 0;
  const makeRequest = (): Buffer | undefined =>
    index < KEY_COUNT ? makePut(getKey(options.prefix, index++)) : undefined;
  const meter = new Meter();
  meter.recording = true;
  const connectionCount = 64;
  const connections: Connection[] = [];
  await new Promise<void>((resolve) => {
    let open = connectionCount;
    const onDone = (): void => {
      if (--open === 0) resolve();
    };
    for (let i = 0; i < connectionCount; i++) {
      const connection = new Connection({ port: options.port, makeRequest }, meter, onDone);
      connections.push(connection);
      connection.open();
    }
    const finishAll = (): void => {
      for (const connection of connections) connection.finish(performance.now());
    };
    setTimeout(finishAll, options.timeoutMs).unref();
  });
  return KEY_COUNT - meter.latenciesMs.length;
}

function getKey(prefix: string, index: number): string {
  return `${prefix}${String(index).padStart(5, '0')}`;
}

function putMaker(valueBytes: number): (key: string) => Buffer {
  const pool = randomBytes(BODY_POOL_BYTES + valueBytes);
  const tail =
    ' HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n' +
    `Content-Length: ${valueBytes}\r\n\r\n`;
  let offset = 0;
  return (key) => {
    const head = `PUT /mec/${key}${tail}`;
    const request = Buffer.allocUnsafe(head.length + valueBytes);
    request.write(head, 'latin1');
    pool.copy(request, head.length, offset, offset + valueBytes);
    offset = (offset + 61) % BODY_POOL_BYTES;
    return request;
  };
}

/**
 * Makes PUT requests of random bytes, each to a key never used before: a second PUT to a key
 * without its token would make siblings.
 */
export function putRequests(prefix: string, valueBytes: number): MakeRequest {
  const makePut = putMaker(valueBytes);
  let counter = 0;
  return () => {
    // An odd multiplier permutes the 32-bit integers: unique keys, in no order a store could use.
    const scattered = Math.imul(counter++, 0x9e3779b1) >>> 0;
    return makePut(prefix + scattered.toString(36).padStart(7, '0'));
  };
}

/** Makes GET requests of keys drawn at random from those that `preload` wrote. */
export function getRequests(prefix: string): MakeRequest {
  const requests = Array.from({ length: KEY_COUNT }, (_, index) =>
    Buffer.from(`GET /mec/${getKey(prefix, index)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, 'latin1'),
  );
  let state = randomInt(1, 2 ** 31);
  return () => {
    // A linear congruential step costs a fraction of a call for random numbers; its high bits are good.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return requests[Math.floor((state / 2 ** 32) * KEY_COUNT)];
  };
}
