/**
 * A page of another origin in a real Chromium, if one is installed. It can neither write nor make a
 * node leave, and a stored page cannot run. The same attempts succeed at a node that allows them.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { type EmbeddedNode, startNode } from '../../src/index.ts';
import { Browser, findChromium, type Tab } from '../fixtures/browser.ts';
import { pause } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';

const chromium = await findChromium();
const skip = chromium === undefined ? 'no Chromium is installed (CHROMIUM=… can name one)' : false;

/** A page that writes by its script, and by a handler. */
const SCRIPT = `<!doctype html><title>quiet</title><script>
document.title = 'ran';
fetch('/mec/by-script', { method: 'POST', body: 'x' });
</script><img src="/mec/none" onerror="document.title = 'ran'">`;

/** All simple ways in which a page can send a write. */
const ATTEMPTS = (url: string): string => `(async () => {
  const quiet = { method: 'POST', body: 'x', mode: 'no-cors', referrerPolicy: 'no-referrer' };
  const tries = [
    fetch('${url}/mec/fetched', quiet),
    fetch('${url}/mec', quiet),
    fetch('${url}/cluster/leave', quiet),
    fetch('${url}/mec/with-credentials', { ...quiet, credentials: 'include' }),
    fetch('${url}/mec/put', { method: 'PUT', body: 'x' }),
    fetch('${url}/mec/kept', { method: 'DELETE' }),
  ];
  navigator.sendBeacon('${url}/mec/beacon', 'x');
  for (const path of ['/mec/form', '/cluster/leave']) {
    const frame = document.createElement('iframe');
    frame.name = 'frame' + path;
    document.body.append(frame);
    const form = document.createElement('form');
    Object.assign(form, { method: 'POST', action: '${url}' + path, target: frame.name });
    document.body.append(form);
    form.submit();
  }
  const outcomes = await Promise.allSettled(tries);
  return outcomes.map(({ status }) => status).join();
})()`;

/** A server of pages that is no node. Resolves with its port. */
async function servePages(t: TestContext): Promise<number> {
  const server = createServer((request, response) =>
    response
      .writeHead(200, { 'Content-Type': 'text/html' })
      .end(request.url === '/script' ? SCRIPT : '<!doctype html><body>'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const keysOf = async (node: EmbeddedNode): Promise<string[]> =>
  (JSON.parse((await send(`${node.url}/mec`)).text) as { keys: string[] }).keys;

async function opened(browser: Browser, url: string): Promise<Tab> {
  const tab = await browser.open(url);
  await tab.until(`document.readyState === 'complete' && location.href === ${JSON.stringify(url)}`);
  return tab;
}

test(
  'a page of another origin neither writes nor reads nor makes a node leave',
  { skip },
  async (t) => {
    const port = await servePages(t);
    const browser = await Browser.start(t, chromium ?? '');
    const node = await startNode();
    t.after(() => node.close());
    await send(`${node.url}/mec/kept`, { method: 'PUT', body: 'x' });
    const script = { 'Content-Type': 'text/javascript' };
    await send(`${node.url}/mec/kept.js`, { method: 'PUT', body: 'loaded = 1', headers: script });
    // The first is another port of one site, and the second another site.
    for (const host of ['127.0.0.1', 'localhost']) {
      const tab = await opened(browser, `http://${host}:${port}/`);
      await tab.evaluate(ATTEMPTS(node.url));
      const read = `fetch('${node.url}/mec').then(() => 'read', () => 'refused')`;
      assert.equal(await tab.evaluate(read), 'refused', host);
      const load = `new Promise((done) => {
      const script = document.createElement('script');
      script.onload = () => done('loaded');
      script.onerror = () => done('refused');
      script.src = '${node.url}/mec/kept.js';
      document.body.append(script);
    })`;
      assert.equal(await tab.evaluate(load), 'refused', host);
      await pause(500);
      assert.deepEqual(await keysOf(node), ['kept', 'kept.js'], host);
      assert.equal(node.status().state, 'up', host);
    }
  },
);

test('the same page writes to a node that allows its origin', { skip }, async (t) => {
  const port = await servePages(t);
  const browser = await Browser.start(t, chromium ?? '');
  const node = await startNode({ http: { origins: ['*'] } });
  t.after(() => node.close());
  await send(`${node.url}/mec/kept`, { method: 'PUT', body: 'x' });
  const tab = await opened(browser, `http://localhost:${port}/`);
  await tab.evaluate(ATTEMPTS(node.url));
  await pause(500);
  const keys = await keysOf(node);
  for (const key of ['fetched', 'with-credentials', 'put', 'beacon', 'form'])
    assert.ok(keys.includes(key), `${key} of ${keys.join(', ')}`);
  assert.ok(!keys.includes('kept'), 'the page can delete');
});

test('a stored page runs no script', { skip }, async (t) => {
  const port = await servePages(t);
  const browser = await Browser.start(t, chromium ?? '');
  const node = await startNode();
  t.after(() => node.close());
  for (const [key, type] of [
    ['page', 'text/html'],
    ['guess', 'text/plain'],
    ['image', 'image/svg+xml'],
  ] as const) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg"><script>
      fetch('/mec/by-script', { method: 'POST', body: 'x' });</script></svg>`;
    const body = key === 'image' ? svg : SCRIPT;
    await send(`${node.url}/mec/${key}`, {
      method: 'PUT',
      body,
      headers: { 'Content-Type': type },
    });
    const tab = await opened(browser, `${node.url}/mec/${key}`);
    await pause(300);
    assert.notEqual(await tab.evaluate('document.title'), 'ran', key);
  }
  assert.deepEqual(await keysOf(node), ['guess', 'image', 'page']);
  const control = await opened(browser, `http://127.0.0.1:${port}/script`);
  await control.until("document.title === 'ran'");
});

test('a name that leads to the node does not let its page read', { skip }, async (t) => {
  const rules = '--host-resolver-rules=MAP evil.example 127.0.0.1';
  const browser = await Browser.start(t, chromium ?? '', [rules]);
  for (const [hosts, expected] of [
    [[], 'wrong-host'],
    [['evil.example'], 'secret'],
  ] as const) {
    const node = await startNode({ http: { hosts } });
    t.after(() => node.close());
    await send(`${node.url}/mec/secret`, { method: 'PUT', body: 'x' });
    const { port } = new URL(node.url);
    const tab = await opened(browser, `http://evil.example:${port}/mec`);
    const text = String(await tab.evaluate('document.documentElement.innerText'));
    assert.ok(text.includes(expected), `${expected}: ${text}`);
  }
});
