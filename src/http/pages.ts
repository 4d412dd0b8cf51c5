/**
 * The route `/`, and the pages for people in a browser if the server has them. The pages come from
 * a room above this one, so that routes know nothing of them.
 */
import { utf8ToBytes } from '../base/bytes.ts';
import { MecError } from '../base/errors.ts';
import { preferred } from './accept.ts';
import { headerOf, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { byMethod, type Serve } from './methods.ts';

/** The path of the first page, and the start of the paths of all files that it needs. */
export const PAGES_PATH = '/ui';

/** Pages for people in a browser. */
export interface Pages {
  /** The answer for a path from `PAGES_PATH` on; undefined if there is no such file. */
  answer(request: Pick<HttpRequest, 'path' | 'headers'>): HttpAnswer | undefined;
}

/** The parts that the route needs. */
export interface PagesRoute {
  /** Undefined if the server has no pages. */
  readonly pages: Pages | undefined;
  readonly name: string;
  readonly version: string;
}

/** Answers a request for `PAGES_PATH`, or for a path below it. Rejects with `MecError`. */
export const servePages: Serve<PagesRoute> = byMethod(PAGES_PATH, { GET: page });

/** Answers a request for `/`. Rejects with `MecError`. */
export const serveHome: Serve<PagesRoute> = byMethod('/', { GET: page });

function page({ pages, name, version }: PagesRoute, request: HttpRequest): HttpAnswer {
  const isHome = request.path === '/';
  const accept = headerOf(request, 'accept');
  const wantsPage = preferred(accept, ['application/json', 'text/html']) === 'text/html';
  if (isHome && (pages === undefined || !wantsPage)) return about(name, version, pages);
  const answer = pages?.answer({ ...request, path: isHome ? PAGES_PATH : request.path });
  if (answer === undefined) throw new MecError('no-such-route', { detail: missing(pages) });
  return isHome ? { ...answer, headers: { ...answer.headers, Vary: 'Accept' } } : answer;
}

const missing = (pages: Pages | undefined): string =>
  pages === undefined
    ? 'This node serves no pages: http.ui is false in its configuration.'
    : 'The page has no such file. After an upgrade of the node, load the page again.';

/** A short document for programs that ask for the root. */
function about(name: string, version: string, pages: Pages | undefined): HttpAnswer {
  const links = { keys: '/mec', status: '/status', health: '/health', openapi: '/openapi.json' };
  const dashboard = pages === undefined ? undefined : PAGES_PATH;
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', Vary: 'Accept' },
    body: utf8ToBytes(
      `${JSON.stringify({ name, version, links: { ...links, dashboard } }, null, 2)}\n`,
    ),
  };
}
