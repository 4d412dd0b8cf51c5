/** The OpenAPI document, compared with the server: a real cluster gives every documented answer. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { NodeStatus } from '../../src/cluster/status.ts';
import { MAX_SIBLINGS } from '../../src/storage/limits.ts';
import { eventually, TestCluster } from '../fixtures/cluster.ts';
import { type Response, send, type SendOptions, tokenOf } from '../fixtures/http.ts';
import { isRepeated } from '../fixtures/problem.ts';

type Json = Readonly<Record<string, unknown>>;

interface Answer {
  /** The references of the operation. */
  readonly headers?: Record<string, Json>;
  readonly content?: Record<string, { readonly schema: Json }>;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Json>>;
  readonly items?: Json;
  readonly allOf?: readonly Json[];
}

interface Document extends Json {
  readonly paths: Record<
    string,
    Record<string, { readonly operationId: string; readonly responses: Record<string, Answer> }>
  >;
}

/** Answers that this test cannot provoke. */
const NOT_MADE: Readonly<Record<string, string>> = {
  '507': 'needs a full disk; the storage tests fill one',
  default: 'stands for unforeseen errors',
};

let cluster: TestCluster;
let keys = 0;
const fresh = (): string => `openapi-${keys++}`;
const ask = (path: string, sent: SendOptions = {}, at = 0): Promise<Response> =>
  send(cluster.node(at).url + path, sent);
const to = (key: string, sent: SendOptions = {}, at = 0): Promise<Response> =>
  ask(`/mec/${key}`, sent, at);
const put = (
  key: string,
  body = 'value',
  headers: Record<string, string> = {},
  at = 0,
): Promise<Response> => to(key, { method: 'PUT', body, headers }, at);

/** All metadata of a value. */
const KEPT = {
  'X-Mec-TTL': '999',
  'X-Mec-Client-ID': 'me',
  'X-Mec-Meta-A': 'a',
  'Content-Encoding': 'x',
};

async function one(headers: Record<string, string> = {}): Promise<string> {
  const key = fresh();
  await put(key, 'value', headers);
  return key;
}

async function two(): Promise<string> {
  const key = await one();
  await put(key, 'other', {}, 1);
  return key;
}

/** The headers of a page of another origin, and of a name that is none of the node. */
const FOREIGN = { Origin: 'https://evil.example' };
const ASTRAY = { Host: 'evil.example' };
const HUGE = { 'X-Huge': 'x'.repeat(60_000) };
const LONG = 'k'.repeat(1_025);

/** A request whose body stalls. */
function stalled(method: string, path: string): Promise<Response> {
  return new Promise((resolve, reject) => {
    const socket = connect(cluster.node(0).httpport, '127.0.0.1', () => {
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nbegun`,
      );
    });
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(head)?.[1];
      if (length === undefined || body.length < Number(length)) return;
      const lines = head
        .split('\r\n')
        .slice(1)
        .map((line) => line.split(': ') as [string, string]);
      const headers = Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value]));
      socket.destroy();
      resolve({ status: Number(head.split(' ')[1]), headers, body: Buffer.from(body), text: body });
    });
    socket.on('error', reject);
  });
}

type Recipe = (method: string) => Promise<Response>;

const reads: Record<string, Recipe> = {
  200: async (method) => to(await one(KEPT), { method }),
  206: async (method) =>
    to(`${await one(KEPT)}?raw=true`, { method, headers: { Range: 'bytes=1-2' } }),
  300: async (method) => to(await two(), { method }),
  304: async (method) => to(await one(KEPT), { method, headers: { 'If-None-Match': '*' } }),
  400: (method) => to('%zz', { method }),
  404: (method) => to(fresh(), { method }),
  412: async (method) => to(await one(), { method, headers: { 'If-Match': '"x"' } }),
  414: (method) => to(LONG, { method }),
  416: async (method) => to(await one(), { method, headers: { Range: 'bytes=99-' } }),
  421: (method) => to(fresh(), { method, headers: ASTRAY }),
  431: (method) => to(fresh(), { method, headers: HUGE }),
  503: (method) => to(fresh(), { method }),
  504: (method) => to(`${fresh()}?timeout=100`, { method }),
};

/** HEAD ignores ranges. */
const { 206: _part, 416: _outside, ...heads } = reads;

const writes: Record<string, Recipe> = {
  200: async (method) => {
    const key = await one(KEPT);
    const headers = { 'Idempotency-Key': 'c' };
    const first = await to(key, { method, body: 'x', headers });
    assert.equal(first.headers['x-mec-siblings'], '2');
    return to(key, { method, body: 'x', headers });
  },
  300: async (method) => to(`${await one()}?returnbody=true`, { method, body: 'x' }),
  400: (method) => to(fresh(), { method, body: 'x', headers: { 'X-Mec-Vclock': '!' } }),
  403: (method) => to(fresh(), { method, body: 'x', headers: FOREIGN }),
  408: (method) => stalled(method, `/mec/${fresh()}`),
  409: async (method) => {
    const key = fresh();
    await Promise.all(Array.from({ length: MAX_SIBLINGS }, (_, i) => put(key, `${i}`)));
    return to(key, { method, body: 'x' });
  },
  412: async (method) => to(await one(), { method, body: 'x', headers: { 'If-None-Match': '*' } }),
  413: (method) => to(fresh(), { method, body: new Uint8Array(1024 * 1024 + 1) }),
  414: (method) => to(LONG, { method, body: 'x' }),
  421: (method) => to(fresh(), { method, body: 'x', headers: ASTRAY }),
  422: async (method) => {
    const key = fresh();
    await put(key, 'x', { 'Idempotency-Key': 'a' });
    return to(key, { method, body: 'y', headers: { 'Idempotency-Key': 'a' } });
  },
  431: (method) => to(fresh(), { method, body: 'x', headers: HUGE }),
  503: (method) => to(fresh(), { method, body: 'x' }),
  504: (method) => to(`${fresh()}?timeout=100`, { method, body: 'x' }),
};

const lists: Record<string, Recipe> = {
  200: (method) => ask('/mec', { method }),
  400: (method) => ask('/mec?limit=0', { method }),
  421: (method) => ask('/mec', { method, headers: ASTRAY }),
  431: (method) => ask('/mec', { method, headers: HUGE }),
  503: (method) => ask('/mec', { method }),
};

const batch = (body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  ask('/batch', { method: 'POST', body, headers });

const located = (name: string): Record<string, Recipe> => ({
  200: async () => ask(`/cluster/${name}/${await one()}`),
  400: () => ask(`/cluster/${name}/%zz`),
  414: () => ask(`/cluster/${name}/${LONG}`),
  503: () => ask(`/cluster/${name}/k`),
});

const RECIPES: Record<string, Record<string, Recipe>> = {
  read: reads,
  readHead: heads,
  write: writes,
  writeAsPost: writes,
  delete: {
    204: async () => to(await one(), { method: 'DELETE' }),
    400: () => to('%zz', { method: 'DELETE' }),
    403: () => to(fresh(), { method: 'DELETE', headers: FOREIGN }),
    404: () => to(fresh(), { method: 'DELETE' }),
    412: async () => to(await one(), { method: 'DELETE', headers: { 'If-Match': '"x"' } }),
    414: () => to(LONG, { method: 'DELETE' }),
    421: () => to(fresh(), { method: 'DELETE', headers: ASTRAY }),
    431: () => to(fresh(), { method: 'DELETE', headers: HUGE }),
    503: () => to(fresh(), { method: 'DELETE' }),
    504: () => to(`${fresh()}?timeout=100`, { method: 'DELETE' }),
  },
  list: lists,
  listHead: lists,
  create: {
    201: () => ask('/mec', { method: 'POST', body: 'x' }),
    300: async () => {
      const sent = { method: 'POST', body: 'x', headers: { 'Idempotency-Key': 'd' } };
      const { headers } = await ask('/mec?returnbody=true', sent);
      await ask(String(headers['location']), { method: 'PUT', body: 'y' });
      return ask('/mec?returnbody=true', sent);
    },
    400: () => ask('/mec', { method: 'POST', body: 'x', headers: { 'X-Mec-TTL': '0' } }),
    403: () => ask('/mec', { method: 'POST', body: 'x', headers: FOREIGN }),
    408: () => stalled('POST', '/mec'),
    413: () => ask('/mec', { method: 'POST', body: new Uint8Array(1024 * 1024 + 1) }),
    421: () => ask('/mec', { method: 'POST', body: 'x', headers: ASTRAY }),
    422: async () => {
      await ask('/mec', { method: 'POST', body: 'x', headers: { 'Idempotency-Key': 'b' } });
      return ask('/mec', { method: 'POST', body: 'y', headers: { 'Idempotency-Key': 'b' } });
    },
    431: () => ask('/mec', { method: 'POST', body: 'x', headers: HUGE }),
    503: () => ask('/mec', { method: 'POST', body: 'x' }),
    504: () => ask('/mec?timeout=100', { method: 'POST', body: 'x' }),
  },
  batch: {
    200: async () => batch(`{"op":"get","key":"${await one()}"}`),
    400: () => batch('nonsense'),
    403: () => batch('', FOREIGN),
    408: () => stalled('POST', '/batch'),
    413: () => batch('\n'.repeat(9 * 1024 * 1024)),
    421: () => batch('', ASTRAY),
    431: () => batch('', HUGE),
  },
  ping: { 200: () => ask('/ping') },
  ready: { 200: () => ask('/ready'), 503: () => ask('/ready') },
  health: { 200: () => ask('/health'), 503: () => ask('/health') },
  metrics: { 200: () => ask('/metrics') },
  metricsHead: { 200: () => ask('/metrics', { method: 'HEAD' }) },
  status: { 200: () => ask('/status') },
  openapi: { 200: () => ask('/openapi.json') },
  locate: located('locate'),
  ring: located('ring'),
  explain: located('explain'),
  top: { 200: () => ask('/cluster/top'), 400: () => ask('/cluster/top?by=x') },
  slow: { 200: () => ask('/cluster/slow'), 400: () => ask('/cluster/slow?x=1') },
  clusterStatus: {
    200: () => ask('/cluster/status'),
    400: () => ask('/cluster/status?x=1'),
  },
  leave: {
    202: () => ask('/cluster/leave', { method: 'POST' }, 1),
    403: () => ask('/cluster/leave', { method: 'POST', headers: FOREIGN }, 1),
  },
  remove: {
    200: () => ask('/cluster/remove/n3', { method: 'POST' }),
    400: () => ask('/cluster/remove/a%20b', { method: 'POST' }),
    403: () => ask('/cluster/remove/n3', { method: 'POST', headers: FOREIGN }),
  },
  merge: {
    // The node belongs to the cluster already.
    202: async () => {
      const { members } = JSON.parse((await ask('/status')).text) as NodeStatus;
      const { host, port } = members[1] ?? assert.fail('there is no other');
      return ask(`/cluster/merge/${host}:${port}`, { method: 'POST' });
    },
    400: () => ask('/cluster/merge/nowhere', { method: 'POST' }),
    403: () => ask('/cluster/merge/127.0.0.1:1', { method: 'POST', headers: FOREIGN }),
    503: () => ask('/cluster/merge/127.0.0.1:1', { method: 'POST' }),
  },
};

/** A schema with its references resolved. */
function resolve(document: Document, schema: Json): Json {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return schema;
  let at: unknown = document;
  for (const name of $ref.slice(2).split('/')) at = (at as Json)[name];
  assert.equal(typeof at, 'object', `${$ref} leads nowhere`);
  return at as Json;
}

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  null: (value) => value === null,
};

/** Checks a value against the parts of JSON Schema that the document uses. */
function assertFits(document: Document, value: unknown, given: Json): void {
  const schema = resolve(document, given);
  const { type, required, properties, items, allOf } = schema as unknown as Schema;
  if (type !== undefined) {
    assert.ok(
      [type].flat().some((name) => TYPES[name]?.(value) === true),
      `${JSON.stringify(value)} is no ${String(type)}`,
    );
  }
  if (schema['enum'] !== undefined)
    assert.ok((schema['enum'] as unknown[]).includes(value), String(value));
  for (const part of allOf ?? []) assertFits(document, value, part);
  for (const name of required ?? [])
    assert.ok(Object.hasOwn(value as object, name), `${name} is missing`);
  for (const [name, part] of Object.entries(properties ?? {}))
    if (Object.hasOwn(value as object, name)) assertFits(document, (value as Json)[name], part);
  if (items !== undefined) for (const item of value as unknown[]) assertFits(document, item, items);
}

/** The headers of HTTP itself. */
const OF_ANY_ANSWER = new Set(
  'date connection keep-alive transfer-encoding content-length content-type'.split(' '),
);

/** The headers of all checked answers. */
const seen = new Set<string>();

function assertAnswer(document: Document, response: Response, answer: Answer): void {
  const promised = Object.entries(answer.headers ?? {}).map(([name, part]) => ({
    isNamed: (header: string) =>
      name.endsWith('*')
        ? header.startsWith(name.slice(0, -1).toLowerCase())
        : header === name.toLowerCase(),
    isRequired: resolve(document, part)['required'] === true,
    name,
  }));
  const present = Object.keys(response.headers).filter((header) => !OF_ANY_ANSWER.has(header));
  for (const { name, isNamed, isRequired } of promised)
    if (isRequired) assert.ok(present.some(isNamed), `${name} is missing`);
  for (const header of present) {
    assert.ok(
      promised.some(({ isNamed }) => isNamed(header)),
      `${header} was not promised`,
    );
    seen.add(header);
  }
  if (answer.content === undefined)
    return assert.equal(response.body.length, 0, 'the document has no body');
  const type = response.headers['content-type'] ?? '';
  const bare = type.split(';')[0] as string;
  const content = answer.content[type] ?? answer.content[bare] ?? answer.content['*/*'];
  assert.ok(content !== undefined, `${type} was not promised`);
  if (!bare.endsWith('json')) return;
  const body = JSON.parse(response.text) as Json;
  assertFits(document, body, content.schema);
  if (bare === 'application/problem+json')
    assert.ok(!isRepeated(String(body['title']), String(body['detail'])), 'a detail says more');
}

/**
 * The error of a write says whether it may have taken effect. Here that is only the case after a
 * timeout, and not if a delete has read in vain. The parser, which refuses headers and slow bodies,
 * does not know the method.
 */
function assertOutcome(method: string, { status, text }: Response): void {
  if (status < 400 || [408, 431].includes(status) || method === 'HEAD') return;
  const { mayTakeEffect } = JSON.parse(text) as Json;
  const isWrite = ['PUT', 'POST', 'DELETE'].includes(method);
  assert.equal(mayTakeEffect, isWrite ? status === 504 && method !== 'DELETE' : undefined);
}

test('every documented answer is given as documented', { timeout: 170_000 }, async (t) => {
  cluster = await TestCluster.start(t);
  const document = JSON.parse((await ask('/openapi.json')).text) as Document;
  assert.match(String(document['openapi']), /^3\.1\./);
  // These need credentials: `security.test.ts` and `join.test.ts` ask for them.
  const open = Object.entries(document.paths).filter(
    ([path]) => !path.startsWith('/cluster/security') && path !== '/cluster/join',
  );
  const operations = open.flatMap(([, path]) =>
    Object.entries(path).flatMap(([method, operation]) =>
      method === 'parameters' ? [] : [{ method: method.toUpperCase(), ...operation }],
    ),
  );
  assert.deepEqual(
    operations.map(({ operationId }) => operationId).sort(),
    Object.keys(RECIPES).sort(),
  );
  for (const { operationId, responses } of operations) {
    const documented = Object.keys(responses).filter((status) => !Object.hasOwn(NOT_MADE, status));
    assert.deepEqual(documented, Object.keys(RECIPES[operationId] ?? {}), operationId);
  }
  const make = async (isWanted: (status: string, id: string) => boolean): Promise<void> => {
    await Promise.all(
      operations.flatMap(({ operationId, method, responses }) =>
        Object.entries(RECIPES[operationId] ?? {})
          .filter(([status]) => isWanted(status, operationId))
          .map(async ([status, recipe]) => {
            const response = await recipe(method);
            const name = `${operationId} ${status}`;
            assert.equal(response.status, Number(status), `${name}: ${response.text}`);
            try {
              assertOutcome(method, response);
              assertAnswer(document, response, responses[status] as Answer);
            } catch (error) {
              throw new Error(`${name}: ${response.text}`, { cause: error });
            }
          }),
      ),
    );
  };
  const ends = ['leave', 'remove'];
  const needsMembers = (id: string): boolean => ['ready', 'locate', 'ring', 'explain'].includes(id);
  const isOrdinary = (status: string, id: string): boolean =>
    !['503', '504'].includes(status) && !ends.includes(id);
  await make(isOrdinary);
  await make((status, id) => ['400', '403'].includes(status) && ends.includes(id));
  cluster.node(1).signal('SIGSTOP');
  cluster.node(2).signal('SIGSTOP');
  await make((status) => status === '504');
  await eventually('both are missed', async () =>
    (await cluster.node(0).status()).peers.every(({ reach }) => reach === 'unreachable'),
  );
  await make((status, id) => status === '503' && !needsMembers(id));
  await cluster.node(0).end('SIGKILL');
  await rm(cluster.node(0).root, { recursive: true });
  cluster.node(0).start();
  await eventually('it lives', async () => (await ask('/ping')).status === 200);
  // Now it does not know the owners, and serves no key.
  // Its verdict is critical only after a while.
  await make((status, id) => status === '503' && id !== 'health');
  for (const node of cluster.nodes) node.signal('SIGCONT');
  await cluster.connected();
  await cluster.node(2).end('SIGKILL');
  await eventually('n3 is missed', async () =>
    (await cluster.node(0).status()).peers.some(({ reach }) => reach === 'unreachable'),
  );
  await make((status, id) => id === 'remove' && status === '200');
  await make((status, id) => id === 'leave' && status === '202');
  const all = Object.keys((document['components'] as Record<string, Json>)['headers'] ?? {})
    .filter((name) => !name.endsWith('.sometimes'))
    .map((name) => name.toLowerCase().replace('-any', '-a'));
  assert.deepEqual([...seen, 'allow'].sort(), all.sort(), 'every header was seen');
});

test('every undocumented method is 405 with the documented ones', async (t) => {
  cluster = await TestCluster.start(t, { nodes: 1 });
  const document = JSON.parse((await ask('/openapi.json')).text) as Document;
  for (const [path, operations] of Object.entries(document.paths)) {
    const here = path.replace('{key}', 'k').replace('{name}', 'n');
    const refused = await ask(here, { method: 'PATCH', body: 'x' });
    assert.equal(refused.status, 405, path);
    const [operation] = Object.entries(operations).flatMap(([name, one]) =>
      name === 'parameters' ? [] : [one],
    );
    assertAnswer(document, refused, operation?.responses['default'] as Answer);
    const documented = Object.keys(operations)
      .filter((name) => name !== 'parameters')
      .map((name) => name.toUpperCase());
    const allowed = String(refused.headers['allow']).split(', ');
    // Every route answers OPTIONS, and every GET route HEAD, documented or not.
    assert.equal(allowed.pop(), 'OPTIONS', path);
    assert.deepEqual(
      allowed.filter((name) => name !== 'HEAD' || documented.includes('HEAD')),
      documented,
      path,
    );
  }
  const token = tokenOf(await put('k'));
  assert.notEqual(token, '');
});
