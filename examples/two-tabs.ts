/**
 * A page that edits one key, for two tabs to disagree in: see two-tabs.html. The page speaks to the
 * nodes by itself, so its origin is in their configuration (`http.origins`).
 *
 * Run it: npm run build && node dist/examples/two-tabs.js
 * It serves until Ctrl-C.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { startCluster } from 'mec-db';

const page = new URL('../../examples/two-tabs.html', import.meta.url);
// The modules of the client, one by one. A bundler would put them into the page.
const modules = new URL('../', import.meta.resolve('mec-db/client'));
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '': 'text/html' };

const server = createServer().listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const cluster = await startCluster({ http: { origins: [origin] } });

async function contentOf(path: string): Promise<string | Buffer> {
  if (path === '/') return readFile(page);
  if (path === '/nodes') return JSON.stringify(cluster.urls);
  const module = /^\/mec-db\/([\w/-]+\.js)$/.exec(path)?.[1];
  if (module === undefined) throw new Error('not here');
  return readFile(new URL(module, modules));
}

server.on('request', ({ url = '/' }, response) => {
  contentOf(url).then(
    (content) => response.writeHead(200, { 'Content-Type': TYPES[extname(url)] }).end(content),
    () => response.writeHead(404).end(),
  );
});
console.log(`open ${origin} in two tabs`);

process.once('SIGINT', () => {
  server.close();
  server.closeAllConnections();
  void cluster.close();
});
