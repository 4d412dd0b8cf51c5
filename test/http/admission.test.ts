/** Requests that are refused by their head alone: a foreign host, or a page of another origin. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedNode, type StartNodeOptions, startNode } from '../../src/index.ts';
import { codesOf, raw, statusesOf } from '../fixtures/raw-http.ts';

/** A node, and what it answers to bytes. */
interface Door {
  readonly node: EmbeddedNode;
  readonly ask: (
    bytes: string,
    answers?: number,
  ) => Promise<{ statuses: string[]; codes: string[]; text: string }>;
}

async function open(http: StartNodeOptions['http'] = {}): Promise<Door> {
  const node = await startNode({ name: 'Kiosk', http });
  const { httpport } = node.config;
  const ask: Door['ask'] = async (bytes, answers = 1) => {
    const text = await raw(bytes, { httpport, answers, restMs: 300 });
    return { statuses: statusesOf(text), codes: codesOf(text), text };
  };
  return { node, ask };
}

const head = (line: string, ...headers: string[]): string =>
  [line, ...headers, '', ''].join('\r\n');
const CLOSE = 'Connection: close';
const get = (...headers: string[]): string => head('GET /ping HTTP/1.1', ...headers);
const post = (path: string, ...headers: string[]): string =>
  head(`POST ${path} HTTP/1.1`, CLOSE, 'Content-Length: 1', ...headers) + 'x';

describe('the Host of a request', () => {
  let door: Door;
  before(async () => {
    door = await open({ hosts: ['db.example', 'Cache.Example', 'mec_1'] });
  });
  after(() => door.node.close());

  const ADMITTED =
    'localhost LOCALHOST:3000 localhost. 127.0.0.1 10.1.2.3:80 [::1] [2001:db8::7]:3000 ' +
    'kiosk db.example db.example:8080 cache.example db.example: mec_1';
  for (const host of ADMITTED.split(' '))
    test(`${host} is admitted`, async () =>
      assert.deepEqual((await door.ask(get(`Host: ${host}`, CLOSE))).statuses, ['200']));

  const FOREIGN =
    'evil.example db.example.evil notdb.example localhost.evil.example 127.0.0.1.evil.example ' +
    '1.2.3 x';
  for (const host of FOREIGN.split(' '))
    test(`${host} is refused with 421`, async () => {
      const { statuses, codes, text } = await door.ask(get(`Host: ${host}`, CLOSE));
      assert.deepEqual([statuses, codes], [['421'], ['wrong-host']], text);
      const stored = await door.ask(post('/mec/by-host', `Host: ${host}`));
      assert.deepEqual(stored.statuses, ['421']);
    });

  const MALFORMED: readonly (readonly [name: string, headers: readonly string[]])[] = [
    ['no Host', []],
    ['two Hosts', ['Host: localhost', 'Host: evil.example']],
    ['the same Host twice', ['Host: localhost', 'Host: localhost']],
    ['an empty Host', ['Host:']],
    ['two names in one Host', ['Host: localhost, evil.example']],
    ['a Host with a user', ['Host: a@localhost']],
    ['a Host with a path', ['Host: localhost/x']],
    ['a Host with a strange port', ['Host: localhost:8x']],
    ['a Host with brackets that hold no address', ['Host: [evil]']],
  ];
  for (const [name, headers] of MALFORMED)
    test(`${name} is refused with 400`, async () => {
      const { statuses, codes, text } = await door.ask(get(...headers, CLOSE));
      assert.deepEqual([statuses, codes], [['400'], ['bad-request']], text);
    });

  test('each request of a connection is checked', async () => {
    const { statuses } = await door.ask(
      get('Host: localhost') + get('Host: evil.example') + get('Host: localhost') + get(),
      4,
    );
    assert.deepEqual(statuses, ['200', '421', '200', '400']);
  });

  test('HTTP/1.0 needs no Host, but a foreign one is refused', async () => {
    assert.deepEqual((await door.ask(head('GET /ping HTTP/1.0'))).statuses, ['200']);
    const foreign = await door.ask(head('GET /ping HTTP/1.0', 'Host: evil.example'));
    assert.deepEqual(foreign.statuses, ['421']);
  });

  test('the host of an absolute target counts instead of Host', async () => {
    const absolute = (url: string, ...headers: string[]): string =>
      head(`GET ${url} HTTP/1.1`, ...headers);
    const { port } = new URL(door.node.url);
    const own = await door.ask(absolute(`http://localhost:${port}/ping`, 'Host: evil.example'));
    assert.deepEqual(own.statuses, ['200']);
    const foreign = await door.ask(absolute('http://evil.example/ping', 'Host: localhost'));
    assert.deepEqual(foreign.statuses, ['421']);
    assert.deepEqual((await door.ask(absolute('http://localhost/ping'))).statuses, ['400']);
    const listed = await door.ask(absolute('http://localhost/mec?limit=1', 'Host: x'));
    assert.deepEqual(listed.statuses, ['200']);
    // Without a path it means `/`.
    const bare = await door.ask(absolute('http://localhost', 'Host: x'));
    assert.deepEqual(bare.statuses, ['200']);
    assert.match(bare.text, /\/ui/);
  });
});

test('the host "*" admits every name, and no malformed one', async (t) => {
  const { node, ask } = await open({ hosts: ['*'] });
  t.after(() => node.close());
  assert.deepEqual((await ask(get('Host: any.example'))).statuses, ['200']);
  assert.deepEqual((await ask(get('Host: a@b'))).statuses, ['400']);
});

describe('a write of a page', () => {
  let door: Door;
  let own = '';
  before(async () => {
    door = await open({ hosts: ['db.example'], origins: ['https://app.example'] });
    own = new URL(door.node.url).host;
  });
  after(() => door.node.close());

  const FOREIGN: readonly (readonly [name: string, headers: readonly string[]])[] = [
    ['of another origin', ['Origin: https://evil.example']],
    ['of an origin like an allowed one', ['Origin: https://app.example.evil']],
    ['of an allowed host with another scheme', ['Origin: http://app.example']],
    ['without an origin to name', ['Origin: null']],
    ['with two origins', ['Origin: https://app.example', 'Origin: https://evil.example']],
    ['of another site', ['Sec-Fetch-Site: cross-site']],
    ['of another port of this machine', ['Sec-Fetch-Site: same-site']],
    [
      'of another origin that claims to be the same',
      ['Origin: https://e.example', 'Sec-Fetch-Site: same-origin'],
    ],
  ];
  for (const [name, headers] of FOREIGN)
    test(`${name} is refused with 403 at each route, before it is carried out`, async () => {
      for (const [method, path] of [
        ['POST', '/cluster/leave'],
        ['POST', '/cluster/remove/n2'],
        ['POST', '/mec'],
        ['POST', '/mec/k'],
        ['PUT', '/mec/k'],
        ['DELETE', '/mec/k'],
        ['POST', '/mec/k?returnbody=true'],
        ['PATCH', '/nothing'],
      ] as const) {
        const bytes = head(
          `${method} ${path} HTTP/1.1`,
          `Host: ${own}`,
          'Content-Type: text/plain',
          'Content-Length: 1',
          CLOSE,
          ...headers,
        );
        const { statuses, codes, text } = await door.ask(`${bytes}x`);
        assert.deepEqual([statuses, codes], [['403'], ['cross-origin']], `${path}: ${text}`);
        if (method !== 'PATCH') assert.match(text, /"mayTakeEffect":false/);
      }
      assert.equal(door.node.status().state, 'up');
      assert.equal((await fetch(`${door.node.url}/mec`)).status, 200);
      assert.deepEqual(await (await fetch(`${door.node.url}/mec`)).json(), {
        keys: [],
        next: null,
      });
    });

  test('is refused without its body, if that has not come', async () => {
    const bytes = head(
      'POST /mec/k HTTP/1.1',
      `Host: ${own}`,
      'Origin: null',
      'Content-Length: 1000',
      'Expect: 100-continue',
    );
    assert.deepEqual((await door.ask(bytes)).statuses, ['403']);
  });

  const ADMITTED: readonly (readonly [
    name: string,
    headers: (own: string) => readonly string[],
  ])[] = [
    ['of no page', () => []],
    ['of an allowed origin', () => ['Origin: https://app.example', 'Sec-Fetch-Site: cross-site']],
    ['of the origin of the node', (host) => [`Origin: http://${host}`]],
    [
      'of the node behind TLS',
      (host) => [`Origin: https://${host}`, 'Sec-Fetch-Site: same-origin'],
    ],
    ['that a person has typed', () => ['Sec-Fetch-Site: none']],
  ];
  for (const [name, headers] of ADMITTED)
    test(`${name} is carried out`, async () => {
      const { statuses, text } = await door.ask(
        post('/mec/allowed', `Host: ${own}`, ...headers(own)),
      );
      assert.deepEqual(statuses, ['200'], text);
      await fetch(`${door.node.url}/mec/allowed`, { method: 'DELETE' });
    });

  test('may read: a browser keeps the answer from it', async () => {
    const read = get(`Host: ${own}`, 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site');
    assert.deepEqual((await door.ask(read)).statuses, ['200']);
  });
});

test('the origin "*" allows writes of all pages', async (t) => {
  const { node, ask } = await open({ origins: ['*'] });
  t.after(() => node.close());
  for (const origin of ['https://any.example', 'null'])
    assert.deepEqual((await ask(post('/mec/k', 'Host: localhost', `Origin: ${origin}`))).statuses, [
      '200',
    ]);
});
