/** The answer to `GET /health`: the verdict on the cluster, for people and alarms. */
import { utf8ToBytes } from '../base/bytes.ts';
import type { Health } from '../cluster/insight/verdict.ts';
import type { HttpAnswer } from './exchange.ts';

/** 200, or 503 if the verdict is critical. */
export const healthAnswer = (health: Health): HttpAnswer => ({
  status: health.status === 'critical' ? 503 : 200,
  headers: { 'Content-Type': 'application/json' },
  body: utf8ToBytes(`${JSON.stringify(health, null, 2)}\n`),
});
