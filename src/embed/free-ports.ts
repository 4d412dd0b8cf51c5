/** A search for free ports. */
import { createServer } from 'node:net';
import type { Random } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import { FREE_PORT_TRIES } from './limits.ts';

/**
 * Above the highest port that `fetch` refuses (https://fetch.spec.whatwg.org/#port-blocking), and
 * below the range from which operating systems take the ports of outgoing connections.
 */
const LOWEST = 10_081;
const HIGHEST = 30_000;

/** Whether a server can listen on a port now. */
export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen({ host, port }, () => server.close(() => resolve(true)));
  });
}

/**
 * The first of `count` consecutive ports that are free now. Another process may still take one.
 * Rejects with `StartError` after `FREE_PORT_TRIES` attempts.
 */
export async function findFreePorts(host: string, count: number, random: Random): Promise<number> {
  for (let tries = 0; tries < FREE_PORT_TRIES; tries++) {
    const first = LOWEST + (random.uint32() % (HIGHEST - LOWEST));
    const free = await Promise.all(
      Array.from({ length: count }, (_, i) => isFree(host, first + i)),
    );
    if (free.every(Boolean)) return first;
  }
  throw new StartError(
    `Found no ${count} consecutive free ports on ${host}; set port and httpport`,
  );
}
