/** Addresses as text. */

import type { Address } from './env.ts';

/** Host and port as a URL has them: an IPv6 address stands in brackets there. */
export const authorityOf = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The URL of an HTTP server. */
export const httpUrl = (host: string, port: number): string => `http://${authorityOf({ host, port })}`;
