/** Network addresses as text. */

import type { Address } from './env.ts';

/** Host and port in the syntax of a URL, which puts an IPv6 address into brackets. */
export const authorityOf = ({ host, port }: Address): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The URL of an HTTP server, without a path. */
export const httpUrl = (host: string, port: number): string =>
  `http://${authorityOf({ host, port })}`;
