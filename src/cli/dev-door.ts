/**
 * The page of `mec dev`: the dashboard of the nodes, and the actions of the console as buttons. It
 * has a port of its own, so that it outlives every node. All its paths begin with a random word,
 * which only the terminal shows: other people on this machine, and pages of other sites, cannot
 * guess it. Nodes never have these routes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { MecError, messageOf, toMecError } from '../base/errors.ts';
import { systemRandom } from '../base/system.ts';
import { Admission } from '../http/admission.ts';
import { readBody } from '../http/body.ts';
import type { HttpAnswer } from '../http/exchange.ts';
import { type Pages, PAGES_PATH } from '../http/pages.ts';
import { failure } from '../http/problem.ts';
import { send } from '../http/send.ts';
import { loadPages } from '../ui/pages.ts';
import { act, ActionRefused, type DevParts } from './dev-actions.ts';
import { forwardTo } from './dev-forward.ts';
import { MAX_DEV_ACTION_BYTES, MAX_DEV_FORWARDS } from './limits.ts';

const HOST = '127.0.0.1';

const drawWord = (): string =>
  Array.from({ length: 4 }, () => systemRandom.uint32().toString(16).padStart(8, '0')).join('');

/** The server of the page of `mec dev`. */
export class DevDoor {
  readonly #parts: DevParts;
  readonly #start: string;
  readonly #server: Server;
  readonly #admission = new Admission(() => ({ hosts: [], origins: [] }));
  readonly #pages: Pages | undefined;
  #forwards = 0;
  #isClosing = false;

  private constructor(parts: DevParts) {
    this.#parts = parts;
    this.#start = `/${drawWord()}`;
    const start = this.#start;
    this.#pages = loadPages({ files: start + PAGES_PATH, routes: `${start}/any`, toys: start });
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Opens the door at a free port of this machine. Rejects if there is none. */
  static async open(parts: DevParts): Promise<DevDoor> {
    const door = new DevDoor(parts);
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject);
      door.#server.listen({ host: HOST, port: 0 }, resolve);
    });
    return door;
  }

  /** The address of the page. */
  get url(): string {
    return `http://${HOST}:${(this.#server.address() as AddressInfo).port}${this.#start}/`;
  }

  close(): void {
    this.#isClosing = true;
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      const refusal = this.#admission.refusalOfHost(req) ?? this.#admission.refusalOfOrigin(req);
      if (refusal !== undefined) throw refusal;
      const answer = await this.#route(req, res);
      if (answer !== undefined) send({ req, res }, answer);
    } catch (thrown) {
      if (this.#isClosing) return;
      send({ req, res }, failure(req.method ?? '', toMecError(thrown)));
    }
  }

  /** Resolves with the answer; undefined if a node has given it. */
  async #route(req: IncomingMessage, res: ServerResponse): Promise<HttpAnswer | undefined> {
    const { url = '', method = '', headers } = req;
    if (!url.startsWith(`${this.#start}/`)) throw new MecError('no-such-route');
    const path = url.slice(this.#start.length);
    const [, word = '', node = ''] = path.split('/');
    if (word === 'any')
      return this.#forward({ req, res }, this.#firstRunning(), path.slice('/any'.length));
    if (word === 'node') {
      const rest = path.slice(`/node/${node}`.length);
      return this.#forward({ req, res }, this.#parts.plan.find(node)?.url, rest);
    }
    if (path === '/toys' && method === 'GET') return json(this.#state());
    if (path === '/toys' && method === 'POST') {
      return json(
        await this.#act(bytesToUtf8(await readBody(req, res, { limit: MAX_DEV_ACTION_BYTES }))),
      );
    }
    const page = path === '/' ? PAGES_PATH : path;
    const answer = method === 'GET' ? this.#pages?.answer({ path: page, headers }) : undefined;
    if (answer === undefined) throw new MecError('no-such-route');
    return answer;
  }

  /** The nodes and what has been done to them. */
  #state(): object {
    const { plan, cluster, load } = this.#parts;
    const stateOf = (name: string): string =>
      cluster.isPaused(name) ? 'paused' : cluster.isRunning(name) ? 'running' : 'stopped';
    return {
      nodes: plan.members.map(({ name }) => ({ name, state: stateOf(name) })),
      cut: cluster.cutOff,
      ahead: cluster.ahead,
      load: { isOn: load.isOn, perSecond: load.perSecond },
    };
  }

  async #act(text = ''): Promise<object> {
    const { word, names } = readAction(text);
    try {
      return { said: await act(this.#parts, word, names) };
    } catch (error) {
      // The page shows the same sentence as the console.
      const isKnown = error instanceof ActionRefused || !(error instanceof MecError);
      throw isKnown ? new MecError('bad-parameter', { detail: messageOf(error) }) : error;
    }
  }

  #firstRunning(): string | undefined {
    const { plan, cluster } = this.#parts;
    return plan.members.find(({ name }) => cluster.isRunning(name))?.url;
  }

  async #forward(
    exchange: { readonly req: IncomingMessage; readonly res: ServerResponse },
    url: string | undefined,
    path: string,
  ): Promise<undefined> {
    if (url === undefined)
      throw new MecError('unreachable', { detail: 'No such node is running.' });
    if (this.#forwards >= MAX_DEV_FORWARDS) throw new MecError('overloaded', { retryAfter: 1 });
    this.#forwards += 1;
    try {
      await forwardTo({ url, path, proofs: this.#parts.plan.proofs }, exchange);
    } finally {
      this.#forwards -= 1;
    }
  }
}

const json = (document: object): HttpAnswer => ({
  status: 200,
  headers: { 'Content-Type': 'application/json' },
  body: utf8ToBytes(`${JSON.stringify(document)}\n`),
});

/** Reads an action: its word, and the names of nodes. */
function readAction(text: string): { readonly word: string; readonly names: readonly string[] } {
  try {
    const { word, names } = JSON.parse(text) as {
      readonly word?: unknown;
      readonly names?: unknown;
    };
    const areNames = Array.isArray(names) && names.every((name) => typeof name === 'string');
    if (typeof word === 'string' && areNames) return { word, names };
  } catch {
    // The error below says the same.
  }
  throw new MecError('bad-parameter', { detail: 'Expected {"word": "kill", "names": ["n2"]}' });
}
