/** Request bodies that are read in pieces, from real sockets. */
import assert from 'node:assert/strict';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as requestOf,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { HTTP_BODY_PERIOD_MS } from '../../src/http/limits.ts';
import { MecError } from '../../src/base/errors.ts';
import { readChunks } from '../../src/http/body.ts';
import { ManualClock } from '../fixtures/fake-env.ts';

interface Upload {
  readonly server: { readonly req: IncomingMessage; readonly res: ServerResponse };
  readonly client: ReturnType<typeof requestOf>;
}

/** A request whose head has arrived, and whose body the test sends. */
async function upload(t: TestContext, headers: Record<string, string> = {}): Promise<Upload> {
  let arrived: (exchange: Upload['server']) => void;
  const head = new Promise<Upload['server']>((resolve) => (arrived = resolve));
  const server = createServer((req, res) => arrived({ req, res }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = requestOf({ host: '127.0.0.1', port, method: 'PUT', headers });
  client.on('error', () => {});
  t.after(() => {
    client.destroy();
    server.close();
    server.closeAllConnections();
  });
  client.flushHeaders();
  return { server: await head, client };
}

const textOf = (piece: IteratorResult<Uint8Array>): string =>
  Buffer.from(piece.value ?? []).toString();
const failsWith = (code: string) => (error: unknown) =>
  error instanceof MecError && error.code === code;

test('a piece of a body is read before the client has sent the next', async (t) => {
  const { server, client } = await upload(t);
  const chunks = readChunks(server.req, server.res, { limit: 100 });
  client.write('one');
  assert.equal(textOf(await chunks.next()), 'one');
  client.end('two');
  assert.equal(textOf(await chunks.next()), 'two');
  assert.equal((await chunks.next()).done, true);
});

test('a body in pieces ends with an error after its limit, and the client gets an answer', async (t) => {
  const { server, client } = await upload(t);
  const chunks = readChunks(server.req, server.res, { limit: 5 });
  const answered = new Promise<number | undefined>((resolve) =>
    client.on('response', (res) => resolve(res.statusCode)),
  );
  client.write('12345');
  assert.equal(textOf(await chunks.next()), '12345');
  client.write('6');
  await assert.rejects(chunks.next(), failsWith('value-too-large'));
  server.res.writeHead(413).end();
  assert.equal(await answered, 413);
});

test('a client that disconnects ends the body with an error', async (t) => {
  const { server, client } = await upload(t);
  const chunks = readChunks(server.req, server.res, { limit: 100 });
  client.write('one');
  await chunks.next();
  client.destroy();
  await assert.rejects(chunks.next(), failsWith('bad-request'));
});

test('a body that stalls ends with an error', async (t) => {
  const { server, client } = await upload(t);
  const clock = new ManualClock();
  const chunks = readChunks(server.req, server.res, { limit: 100, clock });
  client.write('one');
  await chunks.next();
  const next = chunks.next();
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(HTTP_BODY_PERIOD_MS);
  await assert.rejects(next, failsWith('request-timeout'));
});

test('a client that asks whether to go on is told so when the body is read', async (t) => {
  const { server, client } = await upload(t, { Expect: '100-continue' });
  const goesOn = new Promise<void>((resolve) => client.on('continue', resolve));
  const chunks = readChunks(server.req, server.res, { limit: 100 });
  const first = chunks.next();
  await goesOn;
  client.end('body');
  assert.equal(textOf(await first), 'body');
});

/** Sends a body on the one connection of an agent, and resolves with the answer. */
function put(agent: Agent, port: number, body: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': body.length };
    const client = requestOf({ host: '127.0.0.1', port, agent, method: 'PUT', headers }, (res) => {
      let answer = '';
      res.on('data', (text: Buffer) => (answer += text.toString()));
      res.on('end', () => resolve(answer));
    });
    client.on('error', reject).end(body);
  });
}

for (const [name, limit] of [
  ['is not read to its end', Infinity],
  ['has exceeded its limit', 100_000],
] as const) {
  test(`the next request on a connection is served after a body ${name}`, async (t) => {
    const server = createServer(async (req, res) => {
      const isFirst = req.headers['content-length'] !== '1';
      try {
        for await (const piece of readChunks(req, res, { limit }))
          if (isFirst && limit === Infinity && piece.length > 0) break;
        res.end(isFirst ? 'stopped' : 'next');
      } catch (error) {
        res.end((error as MecError).code);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => {
      agent.destroy();
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const expected = limit === Infinity ? 'stopped' : 'value-too-large';
    assert.equal(await put(agent, port, new Uint8Array(900_000)), expected);
    const late = new Promise<string>((resolve) => setTimeout(resolve, 5_000, 'late').unref());
    assert.equal(await Promise.race([put(agent, port, new Uint8Array(1)), late]), 'next');
  });
}
