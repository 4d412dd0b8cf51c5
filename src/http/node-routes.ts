/** The routes about the node itself: whether it lives and works, its state, and its interface. */
import { utf8ToBytes } from '../base/bytes.ts';
import type { MecError } from '../base/errors.ts';
import type { MecNode } from '../cluster/node.ts';
import type { HttpAnswer } from './exchange.ts';
import { byMethod } from './methods.ts';
import { failure } from './problem.ts';
import type { ServerStatus } from './server-status.ts';

/** The parts that the routes need. */
export interface NodeRoutes {
  readonly node: MecNode;
  /** The complete document for `/status`. */
  readonly status: () => ServerStatus;
  /** The reason why the node must get no requests now; undefined if it is ready. */
  readonly whyNotReady: () => MecError | undefined;
  /** The OpenAPI document as text. */
  readonly document: string;
}

const answerOf = (type: string, text: string, status = 200): HttpAnswer => ({
  status,
  headers: { 'Content-Type': type },
  body: utf8ToBytes(text),
});

const JSON_TYPE = 'application/json';
const TEXT_TYPE = 'text/plain; charset=utf-8';

/** The routes by path. */
export const NODE_ROUTES = {
  '/ping': byMethod('/ping', { GET: () => answerOf(TEXT_TYPE, 'pong\n') }),
  '/ready': byMethod('/ready', {
    GET: ({ whyNotReady }: NodeRoutes, { method }) => {
      const reason = whyNotReady();
      // A balancer that asks is no failed request.
      if (reason !== undefined) return { ...failure(method, reason), error: undefined };
      return answerOf(TEXT_TYPE, 'ready\n');
    },
  }),
  '/health': byMethod('/health', {
    GET: ({ node }: NodeRoutes) => {
      const health = node.sight.health.verdict();
      const status = health.status === 'critical' ? 503 : 200;
      return answerOf(JSON_TYPE, `${JSON.stringify(health, null, 2)}\n`, status);
    },
  }),
  '/status': byMethod('/status', {
    GET: ({ status }: NodeRoutes) => answerOf(JSON_TYPE, `${JSON.stringify(status(), null, 2)}\n`),
  }),
  '/openapi.json': byMethod('/openapi.json', {
    GET: ({ document }: NodeRoutes) => answerOf(JSON_TYPE, document),
  }),
} as const;
