/**
 * The clients: the bytes of their requests, in the protocol of the server, and their reading of the
 * answers.
 */
import { randomBytes } from 'node:crypto';
import { freshKeys, indexDrawer, keyName, type Distribution } from './draws.ts';

/**
 * PUT writes new keys. GET reads loaded ones. Mix is half of each. RMW reads a loaded key and
 * writes it with its token.
 */
export type Operation = 'PUT' | 'GET' | 'mix' | 'RMW';

/** The operations of the clients. */
export interface Workload {
  readonly operation: Operation;
  readonly valueBytes: number;
  /** The number of keys that are loaded before. */
  readonly keys: number;
  readonly distribution: Distribution;
}

/** The parts of an answer that a client reads. */
export interface Answer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
}

/** One client with one request in flight. */
export interface Client {
  /** The bytes of the next request; undefined if there is none left. */
  next(): Buffer | undefined;
  /** Whether this successful answer ends an operation, which may take several requests. */
  ends(answer: Answer): boolean;
  /** The operation has failed. The next request begins another. */
  failed(): void;
}

/** The protocol of a server. A token comes from the answer to a read. */
export interface Protocol {
  get(key: string): Buffer;
  put(key: string, token?: string): Buffer;
}

const BODY_POOL_BYTES = 1024 * 1024;
const BODY_STEP_BYTES = 60;
const BASE64_GROUP = { bytes: 3, chars: 4 };

/** Cuts a new value each time from a pool of random bytes, at the cost of a copy. */
function valueCutter(pool: Buffer, valueBytes: number): (target: Buffer, at: number) => void {
  let offset = 0;
  return (target, at) => {
    pool.copy(target, at, offset, offset + valueBytes);
    offset = (offset + BODY_STEP_BYTES) % BODY_POOL_BYTES;
  };
}

/** MecDB's interface, which the skeleton shares. */
export function mecProtocol(valueBytes: number): Protocol {
  const cut = valueCutter(randomBytes(BODY_POOL_BYTES + valueBytes), valueBytes);
  const tail = `Content-Type: application/octet-stream\r\nContent-Length: ${valueBytes}\r\n\r\n`;
  return {
    get: (key) => Buffer.from(`GET /mec/${key} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, 'latin1'),
    put: (key, token) => {
      const vclock = token === undefined ? '' : `X-Mec-Vclock: ${token}\r\n`;
      const head = `PUT /mec/${key} HTTP/1.1\r\nHost: 127.0.0.1\r\n${vclock}${tail}`;
      const request = Buffer.allocUnsafe(head.length + valueBytes);
      request.write(head, 'latin1');
      cut(request, head.length);
      return request;
    },
  };
}

/**
 * etcd's JSON gateway, in which keys and values are base64. The values are prepared, so that they
 * cost the client nothing.
 */
export function etcdProtocol(valueBytes: number): Protocol {
  const valueChars = Math.ceil(valueBytes / BASE64_GROUP.bytes) * BASE64_GROUP.chars;
  const pool = Buffer.from(
    randomBytes(BODY_POOL_BYTES + 2 * valueBytes).toString('base64'),
    'latin1',
  );
  // The step is a multiple of four characters, so each cut is valid base64.
  const cut = valueCutter(pool, valueChars);
  const post = (path: string, length: number): string =>
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  return {
    get: (key) => {
      const body = `{"key":"${Buffer.from(key).toString('base64')}"}`;
      return Buffer.from(post('/v3/kv/range', body.length) + body, 'latin1');
    },
    put: (key) => {
      const start = `{"key":"${Buffer.from(key).toString('base64')}","value":"`;
      const head = post('/v3/kv/put', start.length + valueChars + 2) + start;
      const request = Buffer.allocUnsafe(head.length + valueChars + 2);
      request.write(head, 'latin1');
      cut(request, head.length);
      request.write('"}', head.length + valueChars, 'latin1');
      return request;
    },
  };
}

/** The prefix of the loaded keys of a workload. Readers do not share keys that others overwrite. */
export const loadedPrefix = ({ operation, valueBytes, keys }: Workload): string =>
  `${operation === 'RMW' ? 'rmw' : 'get'}-${valueBytes}-${keys}-`;

/** Makes clients that draw from the same keys. `run` names this run, so that new keys stay new. */
export function clientMaker(workload: Workload, protocol: Protocol, run: string): () => Client {
  const { operation, keys, distribution } = workload;
  const prefix = loadedPrefix(workload);
  const draw = indexDrawer(distribution, keys, 42);
  const loadedKey = (): string => keyName(prefix, draw());
  const newKey = freshKeys(`put-${run}-`);
  let turn = 0;
  const oneStep: Record<Exclude<Operation, 'RMW'>, () => Buffer> = {
    PUT: () => protocol.put(newKey()),
    GET: () => protocol.get(loadedKey()),
    mix: () => (turn++ % 2 === 0 ? protocol.get(loadedKey()) : protocol.put(newKey())),
  };
  if (operation === 'RMW') return () => updatingClient(protocol, loadedKey);
  return () => oneStepClient(oneStep[operation]);
}

/** A client whose operations are single requests. */
export const oneStepClient = (next: () => Buffer | undefined): Client => ({
  next,
  ends: () => true,
  failed: () => {},
});

function updatingClient(protocol: Protocol, loadedKey: () => string): Client {
  let key = '';
  let hasRead = false;
  let token: string | undefined;
  return {
    next() {
      if (hasRead) return protocol.put(key, token);
      key = loadedKey();
      return protocol.get(key);
    },
    ends({ head }) {
      hasRead = !hasRead;
      token = hasRead ? /\r\nx-mec-vclock: *(\S+)/i.exec(head)?.[1] : undefined;
      return !hasRead;
    },
    failed() {
      hasRead = false;
    },
  };
}

/** Makes clients that together write each of `keys` once. */
export function loadingClients(keys: Iterable<string>, protocol: Protocol): () => Client {
  const remaining = keys[Symbol.iterator]();
  const next = (): Buffer | undefined => {
    const { value, done } = remaining.next();
    return done === true ? undefined : protocol.put(value);
  };
  return () => oneStepClient(next);
}
