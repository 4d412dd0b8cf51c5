/** The route `/metrics`, and the operation that each request counts as. */
import { readdir } from 'node:fs/promises';
import { utf8ToBytes } from '../base/bytes.ts';
import type { HttpOperation } from '../base/recorder.ts';
import type { MecNode } from '../cluster/node.ts';
import { headerOf, type HttpAnswer, type HttpRequest } from './exchange.ts';
import { KEYS_PATH } from './list-routes.ts';
import { byMethod, type Serve } from './methods.ts';
import { printMetrics, type ProcessFacts } from './metrics.ts';
import { KEY_PREFIX } from './request.ts';
import type { ServerStatus } from './server-status.ts';

interface MetricsRoute {
  readonly node: MecNode;
  readonly status: () => ServerStatus;
}

/** Answers a request for metrics. Rejects with a `MecError`. */
export const serveMetrics: Serve<MetricsRoute> = byMethod('/metrics', { GET: answer });

async function answer({ node, status }: MetricsRoute, request: HttpRequest): Promise<HttpAnswer> {
  const process = await processFacts();
  const isOpenMetrics = /\bapplication\/openmetrics-text\b/.test(headerOf(request, 'accept') ?? '');
  const { recorder } = node.sight;
  const facts = { status: status(), recorder, measures: node.sight.measures(), process };
  return {
    status: 200,
    headers: {
      'Content-Type': isOpenMetrics
        ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
        : 'text/plain; version=0.0.4; charset=utf-8',
      Vary: 'Accept',
    },
    body: utf8ToBytes(printMetrics(facts, isOpenMetrics)),
  };
}

async function processFacts(): Promise<ProcessFacts> {
  const { user, system } = process.cpuUsage();
  const openFiles = await readdir('/proc/self/fd').then(
    (files) => files.length,
    () => undefined,
  );
  return { cpuSeconds: (user + system) / 1e6, openFiles, nodeVersion: process.version };
}

const BY_METHOD: Readonly<Record<string, HttpOperation>> = {
  GET: 'get',
  HEAD: 'head',
  PUT: 'put',
  POST: 'post',
  DELETE: 'delete',
};

/** The operation that a request counts as. */
export function operationOf({
  method = '',
  url = '',
}: {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
}): HttpOperation {
  if (url.startsWith(KEY_PREFIX)) return BY_METHOD[method] ?? 'other';
  if (url !== KEYS_PATH && !url.startsWith(`${KEYS_PATH}?`)) return 'other';
  if (method === 'POST') return 'post';
  return method === 'GET' || method === 'HEAD' ? 'list' : 'other';
}
