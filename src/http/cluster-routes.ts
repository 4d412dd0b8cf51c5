/** The routes `/cluster/…`, for operators. */
import { parseAuthority } from '../base/address.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import type { MecNode } from '../cluster/node.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { INSIGHT_ROUTES } from './insight-routes.ts';
import { byMethod, type Serve } from './methods.ts';
import { keyOf } from './request.ts';

const REMOVE = '/cluster/remove/';
const MERGE = '/cluster/merge/';
const LOCATE = '/cluster/locate/';
/** An alias of `LOCATE`. */
const RING = '/cluster/ring/';

const ROUTES: readonly { readonly path: RegExp; readonly serve: Serve<MecNode> }[] = [
  { path: /^\/cluster\/leave$/, serve: byMethod({ POST: leave }) },
  { path: /^\/cluster\/remove\/[^/]+$/, serve: byMethod({ POST: remove }) },
  { path: /^\/cluster\/merge\/[^/]+$/, serve: byMethod({ POST: merge }) },
  { path: /^\/cluster\/(?:locate|ring)\/./, serve: byMethod({ GET: locate }) },
  ...INSIGHT_ROUTES,
];

/** Answers an operator's request. Rejects with a `MecError`. */
export async function serveCluster(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const route = ROUTES.find(({ path }) => path.test(request.path));
  if (route === undefined) {
    throw new MecError('no-such-route', {
      detail:
        'The routes are /cluster/leave, /cluster/remove/NAME, /cluster/merge/HOST:PORT, ' +
        '/cluster/locate/KEY, /cluster/explain/KEY, /cluster/status, /cluster/top and /cluster/slow.',
    });
  }
  return route.serve(node, request);
}

const json = (status: number, document: unknown): HttpAnswer => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body: utf8ToBytes(`${JSON.stringify(document, null, 2)}\n`),
});

/** Starts to leave. The status of the node shows the progress. */
function leave(node: MecNode): HttpAnswer {
  node.leave();
  return json(202, { name: node.config.name, state: node.state });
}

function remove(node: MecNode, request: HttpRequest): HttpAnswer {
  const name = request.path.slice(REMOVE.length);
  if (!NODE_NAME_PATTERN.test(name))
    throw new MecError('bad-parameter', {
      parameter: 'name',
      detail: `${name} is not a valid node name`,
    });
  node.remove(name);
  return json(200, { name, state: 'gone' });
}

/** Starts to merge two clusters. The members in the status show the progress. */
async function merge(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const address = parseAuthority(decoded(request.path.slice(MERGE.length)));
  if (address === undefined)
    throw new MecError('bad-parameter', {
      parameter: 'address',
      detail: 'Expected HOST:PORT, where PORT is the port of the node in its configuration.',
    });
  await node.merge(address);
  return json(202, { name: node.config.name, state: node.state });
}

/** A part of a path without percent signs; as it is if they are malformed. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function locate(node: MecNode, request: HttpRequest): Promise<HttpAnswer> {
  const key = keyOf(request.path, request.path.startsWith(RING) ? RING : LOCATE);
  return json(200, { key, ...(await node.locate(key)) });
}
