/**
 * A small web service with its database inside: a MecDB node runs in the same process. Start more
 * of them with the address of the first one under `node`: then each has all notes, even if one of
 * the others is down.
 *
 * Run it: npm run build && node dist/examples/notes-service.js
 * Prints:
 *   POST /notes/today  buy milk  ->  201
 *   POST /notes/today  call bob  ->  201
 *   GET  /notes/today  ->  ["buy milk","call bob"]
 *   GET  /notes/never  ->  404
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Koa from 'koa';
import { startNode } from 'mec-db';
import { MecClient, MecClientError } from 'mec-db/client';
import { type AppendList, appendList } from 'mec-db/merge';

// { root: 'notes-data' } would keep it all on disk.
const node = await startNode();
const notes = new MecClient<AppendList>(node.url);
const { merge, append, values } = appendList;

const app = new Koa();
app.use(async (ctx) => {
  const page = /^\/notes\/(\w+)$/.exec(ctx.path)?.[1];
  if (page === undefined) return;
  try {
    if (ctx.method === 'POST') {
      const note = await text(ctx.req);
      await notes.update(page, (list, by) => append(list, note, by), { merge });
      ctx.status = 201;
    } else {
      const read = await notes.get(page);
      if (read.kind === 'missing') return;
      ctx.body = values(
        read.kind === 'value' ? read.value : read.siblings.map(({ value }) => value).reduce(merge),
      );
    }
  } catch (error) {
    ctx.throw(error instanceof MecClientError && error.retriable ? 503 : 500, { cause: error });
  }
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notes`;
for (const body of ['buy milk', 'call bob']) {
  console.log(
    `POST /notes/today  ${body}  ->  ${(await fetch(`${base}/today`, { method: 'POST', body })).status}`,
  );
}
console.log(`GET  /notes/today  ->  ${await (await fetch(`${base}/today`)).text()}`);
console.log(`GET  /notes/never  ->  ${(await fetch(`${base}/never`)).status}`);

server.close();
await node.close();
