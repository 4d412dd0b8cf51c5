/** Addresses as text. */

/** The URL of an HTTP server; an IPv6 address stands in brackets there. */
export const httpUrl = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
