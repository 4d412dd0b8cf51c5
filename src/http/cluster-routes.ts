/** The routes `/cluster/…`, for operators. */
import { parseAuthority } from '../base/address.ts';
import { utf8ToBytes } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import type { MecNode } from '../cluster/node.ts';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { type ClusterRoute, INSIGHT_ROUTES } from './insight-routes.ts';
import { byMethod } from './methods.ts';
import { keyOf } from './request.ts';
import { SECURITY_ROUTES } from './security-routes.ts';

const REMOVE = '/cluster/remove/';
const MERGE = '/cluster/merge/';
const LOCATE = '/cluster/locate/';
/** An alias of `LOCATE`. */
const RING = '/cluster/ring/';

/** The routes, each with its path. */
export const CLUSTER_ROUTES: readonly ClusterRoute[] = [
  { path: /^\/cluster\/leave$/, serve: byMethod('/cluster/leave', { POST: leave }) },
  {
    path: /^\/cluster\/remove\/[^/]+$/,
    serve: byMethod('/cluster/remove/{name}', { POST: remove }),
  },
  {
    path: /^\/cluster\/merge\/[^/]+$/,
    serve: byMethod('/cluster/merge/{address}', { POST: merge }),
  },
  { path: /^\/cluster\/locate\/./, serve: byMethod('/cluster/locate/{key}', { GET: locate }) },
  { path: /^\/cluster\/ring\/./, serve: byMethod('/cluster/ring/{key}', { GET: locate }) },
  ...INSIGHT_ROUTES,
  ...SECURITY_ROUTES,
];

/** The routes, for a request that missed them all. */
export const EXPECTED_OF_CLUSTER =
  'The routes are /cluster/leave, /cluster/remove/NAME, /cluster/merge/HOST:PORT, ' +
  '/cluster/locate/KEY, /cluster/explain/KEY, /cluster/status, /cluster/top, /cluster/slow and ' +
  '/cluster/security.';

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
