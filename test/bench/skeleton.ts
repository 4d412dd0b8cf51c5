/**
 * The baseline for MecDB: a bare cluster of three processes with the same shape, but without
 * causality, validation, repair or a web framework. It has HTTP, a parallel quorum (N=3, R=W=2)
 * over ZeroMQ DEALER to ROUTER, and LevelDB with group commit. It answers GET and PUT /mec/:key and
 * has no timeouts. It ignores failures, and measures only the cost of the parts.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Decoder, Encoder } from '@msgpack/msgpack';
import { ClassicLevel, type ChainedBatch } from 'classic-level';
import { Dealer, Router } from 'zeromq';

const CHILD_FLAG = '--skeleton-node';
const WRITE_QUORUM = 2;
const PATH_PREFIX_LENGTH = '/mec/'.length;

/** The address and data folder of one node of the skeleton, and its peers. */
export interface SkeletonNode {
  httpPort: number;
  port: number;
  root: string;
  peerPorts: number[];
}

/** Starts the three nodes, each in its own process. The first three ports are for HTTP. */
export function startSkeleton(root: string, ports: number[]): ChildProcess[] {
  const indexes = [0, 1, 2];
  const portOf = (index: number): number => ports[3 + (index % 3)] ?? 0;
  return indexes.map((index) => {
    const node: SkeletonNode = {
      httpPort: ports[index] ?? 0,
      port: portOf(index),
      root: join(root, `skeleton${index + 1}`),
      peerPorts: [portOf(index + 1), portOf(index + 2)],
    };
    return fork(fileURLToPath(import.meta.url), [CHILD_FLAG, JSON.stringify(node)]);
  });
}

/** A socket carries one `send` at a time (a second one throws), so outboxes wait their turn. */
class Wire {
  #socket: Dealer | Router;
  #busy = false;
  #waiting: Outbox[] = [];

  constructor(socket: Dealer | Router) {
    this.#socket = socket;
  }

  claim(outbox: Outbox): boolean {
    if (this.#busy) this.#waiting.push(outbox);
    return !this.#busy;
  }

  send(frames: Buffer[]): void {
    this.#busy = true;
    this.#socket.send(frames).then(this.#sent, fail);
  }

  #sent = (): void => {
    this.#busy = false;
    this.#waiting.shift()?.flush();
  };
}

const encoder = new Encoder();
const decoder = new Decoder();

/** Collects the messages to one peer and sends them as one, once per turn of the event loop. */
class Outbox {
  #wire: Wire;
  #address: Buffer[];
  #items: unknown[] = [];

  constructor(wire: Wire, address: Buffer[]) {
    this.#wire = wire;
    this.#address = address;
  }

  push(item: unknown[]): void {
    if (this.#items.length === 0) setImmediate(this.flush);
    this.#items.push(item);
  }

  flush = (): void => {
    if (!this.#wire.claim(this)) return;
    const items = this.#items;
    this.#items = [];
    // The encoder reuses its buffer while ZeroMQ may still read the message, so copy it.
    this.#wire.send([...this.#address, Buffer.from(encoder.encodeSharedRef(items))]);
  };
}

type Database = ClassicLevel<string, Uint8Array>;

/** LevelDB with group commit: writes that arrive while a batch syncs form the next one. */
class Store {
  #database: Database;
  #batch: ChainedBatch<Database, string, Uint8Array> | undefined;
  #callbacks: (() => void)[] = [];
  #busy = false;

  constructor(root: string) {
    this.#database = new ClassicLevel(root, { keyEncoding: 'utf8', valueEncoding: 'view' });
  }

  open(): Promise<void> {
    return this.#database.open();
  }

  get(key: string): Uint8Array | undefined {
    return this.#database.getSync(key);
  }

  put(key: string, value: Uint8Array, callback: () => void): void {
    // A chained batch costs a quarter of an array of operations.
    this.#batch ??= this.#database.batch();
    this.#batch.put(key, value);
    this.#callbacks.push(callback);
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(this.#commit);
  }

  #commit = (): void => {
    const batch = this.#batch;
    this.#busy = batch !== undefined;
    if (batch === undefined) return;
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    this.#batch = undefined;
    const done = (): void => {
      this.#commit();
      for (const callback of callbacks) callback();
    };
    batch.write({ sync: true }).then(done, fail);
  };
}

type Callback = (value: Uint8Array | null) => void;

/** Coordinates requests: asks its own store and the peers, and counts the answers. */
class Coordinator {
  #store: Store;
  #peers: Outbox[] = [];
  #callbacks = new Map<number, Callback>();
  #lastId = 0;

  constructor(store: Store, peerPorts: number[]) {
    this.#store = store;
    for (const port of peerPorts) {
      const socket = new Dealer({ linger: 0 });
      socket.connect(`tcp://127.0.0.1:${port}`);
      this.#peers.push(new Outbox(new Wire(socket), []));
      this.#receive(socket).catch(fail);
    }
  }

  put(key: string, value: Uint8Array, answer: () => void): void {
    const id = ++this.#lastId;
    let missing = this.#peers.length + 1;
    const quorumLeft = missing - WRITE_QUORUM;
    const acknowledged = (): void => {
      missing--;
      if (missing === quorumLeft) answer();
      if (missing === 0) this.#callbacks.delete(id);
    };
    this.#callbacks.set(id, acknowledged);
    for (const peer of this.#peers) peer.push([id, key, value]);
    this.#store.put(key, value, acknowledged);
  }

  get(key: string, answer: Callback): void {
    const id = ++this.#lastId;
    this.#peers[0]?.push([id, key, null]);
    const own = this.#store.get(key);
    this.#callbacks.set(id, (value) => {
      this.#callbacks.delete(id);
      answer(own ?? value);
    });
  }

  async #receive(socket: Dealer): Promise<void> {
    for await (const [payload] of socket) {
      const replies = decoder.decode(payload as Uint8Array) as [number, Uint8Array | null][];
      for (const [id, value] of replies) this.#callbacks.get(id)?.(value);
    }
  }
}

/** Answers the requests of peers from its own store. */
async function serveReplica(store: Store, port: number): Promise<void> {
  const socket = new Router({ linger: 0 });
  await socket.bind(`tcp://127.0.0.1:${port}`);
  const wire = new Wire(socket);
  const outboxes = new Map<string, Outbox>();
  const outboxOf = (address: Buffer): Outbox => {
    const name = address.toString('latin1');
    let outbox = outboxes.get(name);
    if (outbox === undefined) outboxes.set(name, (outbox = new Outbox(wire, [address])));
    return outbox;
  };
  const receive = async (): Promise<void> => {
    for await (const [address, payload] of socket) {
      const outbox = outboxOf(address as Buffer);
      const requests = decoder.decode(payload as Uint8Array) as [
        number,
        string,
        Uint8Array | null,
      ][];
      for (const [id, key, value] of requests) {
        if (value === null) outbox.push([id, store.get(key) ?? null]);
        else store.put(key, value, () => outbox.push([id, null]));
      }
    }
  };
  receive().catch(fail);
}

function handle(
  coordinator: Coordinator,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const key = (request.url ?? '').slice(PATH_PREFIX_LENGTH);
  if (request.method === 'GET') {
    coordinator.get(key, (value) => respond(response, value === null ? 404 : 200, value));
    return;
  }
  let body: Buffer | undefined;
  request.on('data', (chunk: Buffer) => {
    body = body === undefined ? chunk : Buffer.concat([body, chunk]);
  });
  request.on('end', () => {
    coordinator.put(key, body ?? Buffer.alloc(0), () => respond(response, 200, null));
  });
}

function respond(response: ServerResponse, status: number, value: Uint8Array | null): void {
  const length = value?.length ?? 0;
  response.writeHead(status, { 'Content-Length': length });
  response.end(value ?? undefined);
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

async function runNode(node: SkeletonNode): Promise<void> {
  const store = new Store(node.root);
  await store.open();
  await serveReplica(store, node.port);
  const coordinator = new Coordinator(store, node.peerPorts);
  const server = createServer((request, response) => handle(coordinator, request, response));
  server.listen(node.httpPort, '127.0.0.1');
  await once(server, 'listening');
  // The parent may be killed before it can stop its children.
  process.on('disconnect', () => process.exit(0));
}

if (process.argv[2] === CHILD_FLAG)
  runNode(JSON.parse(process.argv[3] ?? '') as SkeletonNode).catch(fail);
