/** Network addresses as text. */

import type { Address } from './env.ts';

/** Host and port in the syntax of a URL, which puts an IPv6 address into brackets. */
export const authorityOf = ({ host, port }: Address): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The URL of an HTTP server, without a path. */
export const httpUrl = (host: string, port: number, scheme = 'http'): string =>
  `${scheme}://${authorityOf({ host, port })}`;

/** The name of a host, by RFC 1035. */
const MAX_HOST_CHARS = 255;

/** One label of a name. Names of containers may have underscores. */
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const HEX_GROUP = /^[0-9A-Fa-f]{1,4}$/;
const IPV6_ZONE = /%[A-Za-z0-9._-]{1,32}$/;

/**
 * Whether a text is the name of a host, or an IPv4 or IPv6 address. ZeroMQ throws on some other
 * texts when it connects.
 */
export function isHost(text: string): boolean {
  if (text.length > MAX_HOST_CHARS) return false;
  if (text.includes(':')) return isIpv6(text.replace(IPV6_ZONE, ''));
  const labels = text.split('.');
  // A name never ends with a number, so such a text must be an address.
  return /^\d+$/.test(labels.at(-1) ?? '')
    ? IPV4.test(text)
    : labels.every((label) => LABEL.test(label));
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [i, half] of halves.entries()) {
    const parts = half === '' ? [] : half.split(':');
    const last = parts.at(-1);
    // The last 32 bits may be an IPv4 address.
    const hasIpv4 = i === halves.length - 1 && last !== undefined && IPV4.test(last);
    const hex = hasIpv4 ? parts.slice(0, -1) : parts;
    if (!hex.every((part) => HEX_GROUP.test(part))) return false;
    groups += hex.length + (hasIpv4 ? 2 : 0);
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

/** Whether a number is a port. */
export const isPort = (port: number): boolean =>
  Number.isInteger(port) && port >= 1 && port <= 65_535;

/** Parses host and port in the syntax of a URL; undefined if malformed. */
export function parseAuthority(text: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || !isHost(host) || !isPort(port) ? undefined : { host, port };
}
