/**
 * The way into a simulated node: a plain HTTP request in, a plain answer out. Routes live above this floor, so whoever simulates hands
 * them in.
 */
import type { Env } from '../base/env.ts';
import type { MecNode } from '../cluster/node.ts';

/** A request as routes see it. */
export interface PlainRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  body(limit: number): Promise<Uint8Array>;
}

/** What a route answers. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** Answers the requests for one node; never rejects. */
export type Front = (
  node: MecNode,
  env: Pick<Env, 'clock' | 'random'>,
) => (request: PlainRequest) => Promise<PlainAnswer>;

/** Takes requests, or rejects where nobody answers any more. */
export interface Server {
  send(request: PlainRequest): Promise<PlainAnswer>;
}
