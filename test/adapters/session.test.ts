/** `mec-db/session`: the contract of express-session's stores, and the requests of a browser. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import {
  type SessionFunctions,
  sessionStore,
  type StoreClass,
  type StoredSession,
} from '../../src/adapters/session.ts';
import { MecClient, systemWorld } from '../../src/client/index.ts';
import { clusterOfSuite, host, NOT_INSTALLED } from '../fixtures/hosts.ts';

type Visitor = StoredSession & { readonly user?: string; visits?: number };
type Handler = (
  request: IncomingMessage & { session: Visitor },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;
type ExpressSession = ((options: object) => Handler) & { readonly Store: StoreClass };

const session = host('express-session') as ExpressSession | undefined;
const DAY_MS = 86_400_000;
const sessionOf = (user: string, lifeMs = DAY_MS): Visitor => ({
  cookie: { expires: new Date(Date.now() + lifeMs), originalMaxAge: lifeMs } as object,
  user,
});

/** The functions of a store, as promises. */
function promised(store: SessionFunctions) {
  const result = <T>(call: (callback: (error: unknown, value?: T) => void) => void): Promise<T> =>
    promisify(call)() as Promise<T>;
  return {
    get: (id: string) =>
      result<StoredSession | null>((callback) =>
        store.get(id, callback),
      ) as Promise<Visitor | null>,
    set: (id: string, data: StoredSession) =>
      result<void>((callback) => store.set(id, data, callback)),
    touch: (id: string, data: StoredSession) =>
      result<void>((callback) => store.touch(id, data, callback)),
    destroy: (id: string) => result<void>((callback) => store.destroy(id, callback)),
    all: () => result<StoredSession[]>((callback) => store.all(callback)),
    length: () => result<number>((callback) => store.length(callback)),
    clear: () => result<void>((callback) => store.clear(callback)),
  };
}

describe('the store for express-session', { skip: session === undefined && NOT_INSTALLED }, () => {
  const cluster = clusterOfSuite();
  const { Store } = session as ExpressSession;
  let prefixes = 0;
  const freshPrefix = (): string => `session-${prefixes++}/`;
  const storeOf = (prefix: string, node = 0): ReturnType<typeof promised> =>
    promised(sessionStore({ Store }, cluster().urls[node] ?? '', { prefix }));

  test('get returns what set has stored, and null for a session that is not there', async () => {
    const store = storeOf(freshPrefix());
    assert.equal(await store.get('none'), null);
    await store.set('a', sessionOf('ann'));
    await store.set('a', sessionOf('bob'));
    const read = await store.get('a');
    assert.equal(read?.user, 'bob');
    assert.equal(typeof read?.cookie?.expires, 'string');
  });

  test('destroy, all, length and clear concern the sessions of the store alone', async () => {
    const [prefix, other] = [freshPrefix(), freshPrefix()];
    const [store, elsewhere] = [storeOf(prefix), storeOf(other)];
    await elsewhere.set('x', sessionOf('eve'));
    const users = Array.from({ length: 40 }, (_, i) => `user${i}`);
    await Promise.all(users.map((user) => store.set(user, sessionOf(user))));
    assert.equal(await store.length(), 40);
    const all = (await store.all()) as Visitor[];
    assert.deepEqual(new Set(all.map(({ user }) => user)), new Set(users));
    await store.destroy('user7');
    await store.destroy('user7');
    assert.equal(await store.get('user7'), null);
    assert.equal(await store.length(), 39);
    await store.clear();
    assert.equal(await store.length(), 0);
    assert.equal((await elsewhere.get('x'))?.user, 'eve');
  });

  test('a session ends with its cookie, unless touch extends its life', async () => {
    const store = storeOf(freshPrefix());
    await store.set('short', sessionOf('ann', 800));
    await store.set('touched', sessionOf('bob', 800));
    await store.touch('touched', sessionOf('nobody reads this', DAY_MS));
    await store.touch('gone', sessionOf('eve'));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(await store.get('short'), null);
    assert.equal((await store.get('touched'))?.user, 'bob', 'touch changes nothing but the life');
    assert.equal(await store.get('gone'), null, 'touch makes no session');
    assert.equal(await store.length(), 1);
    await store.set('touched', sessionOf('bob', -1_000));
    assert.equal(await store.get('touched'), null, 'a cookie that has expired ends its session');
    await store.set('eternal', { cookie: { expires: '9999-12-31T00:00:00Z' } });
    await store.set('default', { cookie: { expires: null } });
    const client = new MecClient(cluster().urls);
    const prefix = `session-${prefixes - 1}/`;
    for (const [id, years] of [
      ['eternal', 9],
      ['default', 0.002],
    ] as const) {
      const read = await client.get(prefix + id);
      const leftMs = Date.parse((read.kind === 'value' && read.expires) || '') - Date.now();
      assert.ok(leftMs > years * 365 * DAY_MS, `${id}: ${leftMs}`);
    }
  });

  test('a touch that began before a change does not undo it', async () => {
    const prefix = freshPrefix();
    await storeOf(prefix).set('a', { ...sessionOf('ann'), visits: 1 } as Visitor);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let hasRead = (): void => {};
    const read = new Promise<void>((resolve) => (hasRead = resolve));
    const { clock } = systemWorld;
    const world: typeof systemWorld = {
      ...systemWorld,
      // The time of the touch is later, and must not count.
      clock: {
        monotonicMs: () => clock.monotonicMs(),
        wallMicros: () => clock.wallMicros() + 60e6,
        after: (ms, run) => clock.after(ms, run),
      },
      fetch: async (url, init) => {
        if (init.method === 'GET') return systemWorld.fetch(url, init);
        hasRead();
        await released;
        return systemWorld.fetch(url, init);
      },
    };
    const late = new MecClient(cluster().urls, { world });
    const touched = promised(sessionStore({ Store }, late, { prefix })).touch(
      'a',
      sessionOf('ann'),
    );
    await read;
    await storeOf(prefix, 1).set('a', { ...sessionOf('ann'), visits: 2 } as Visitor);
    release();
    await touched;
    for (const node of [0, 1, 2])
      assert.equal((await storeOf(prefix, node).get('a'))?.visits, 2, `node ${node}`);
  });

  test('a failed call gives its error to the callback', async () => {
    const client = new MecClient('http://127.0.0.1:1', { deadlineMs: 100 });
    const store = promised(sessionStore({ Store }, client));
    await assert.rejects(store.get('a'), { name: 'UnavailableError' });
    await assert.rejects(store.set('a', sessionOf('ann')), { name: 'UnavailableError' });
  });

  test('a browser keeps its session, whatever server and node its requests reach', async (t) => {
    const prefix = freshPrefix();
    const servers = await Promise.all([0, 1, 2].map((node) => serve(t, prefix, node)));
    let cookie = '';
    for (let i = 1; i <= 12; i++) {
      const url = servers[i % 3] ?? '';
      const answer = await fetch(url, { headers: cookie === '' ? {} : { cookie } });
      cookie ||= answer.headers.get('set-cookie')?.split(';')[0] ?? '';
      assert.equal(await answer.text(), `visit ${i}`);
    }
  });

  /** A server that counts the visits of each session. */
  async function serve(t: TestContext, prefix: string, node: number): Promise<string> {
    const handle = (session as ExpressSession)({
      secret: 'test',
      resave: false,
      saveUninitialized: false,
      store: sessionStore({ Store }, cluster().urls[node] ?? '', { prefix }),
    });
    const server = createServer((request, response) =>
      handle(request as Parameters<Handler>[0], response, () => {
        const { session: visitor } = request as Parameters<Handler>[0];
        visitor.visits = (visitor.visits ?? 0) + 1;
        response.end(`visit ${visitor.visits}`);
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
});
