/**
 * The checks of a request's head that come before all routes: its `Host`, and its origin if a
 * browser sent it. A page of any origin can make a browser send writes, and a name of its own can
 * lead to this node.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { MecError } from '../base/errors.ts';

/** The configuration that decides which requests are admitted. */
export interface AdmissionRules {
  /** The names of this node. IP addresses and `localhost` need no entry. */
  readonly hosts: readonly string[];
  /** The origins whose pages may write. */
  readonly origins: readonly string[];
}

/** An absolute URL in a request line, taken apart. */
export interface AbsoluteTarget {
  /** The path and the query. */
  readonly path: string;
  /** Counts instead of `Host` (RFC 9112, 3.2.2). */
  readonly authority: string;
}

const ABSOLUTE = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i;

/** The parts of an absolute URL; undefined if it is none. */
export function absoluteTargetOf(url: string): AbsoluteTarget | undefined {
  const [, authority, path = '/'] = ABSOLUTE.exec(url) ?? [];
  if (authority === undefined) return undefined;
  return { path: path.startsWith('/') ? path : `/${path}`, authority };
}

const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._~-]+))(?::\d{0,5})?$/i;

/** The host in `Host`, without its port, in lower case; undefined if malformed. */
function hostIn(authority: string): string | undefined {
  const [, bracketed, plain] = AUTHORITY.exec(authority) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? bracketed : undefined;
  return plain?.toLowerCase().replace(/\.$/, '');
}

/** Methods that change nothing. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** Origins of the same site, such as other ports of this machine, are foreign too. */
const FOREIGN_SITES: readonly string[] = ['cross-site', 'same-site'];

/** Decides which requests reach the routes. */
export class Admission {
  readonly #rules: () => AdmissionRules;

  /** `rules` returns the rules of the moment. */
  constructor(rules: () => AdmissionRules) {
    this.#rules = rules;
  }

  #isName(host: string): boolean {
    const { hosts } = this.#rules();
    return (
      host === 'localhost' || hosts.some((name) => name === '*' || name.toLowerCase() === host)
    );
  }

  /**
   * Returns the error of a request whose host is not one of this node; undefined if it is.
   * Otherwise a page could get a name of its own to lead here, and read everything.
   */
  refusalOfHost({ headers, httpVersionMinor }: IncomingMessage): MecError | undefined {
    const given = headers.host;
    if (given === undefined && httpVersionMinor === 0) return undefined;
    const host = given === undefined ? undefined : hostIn(given);
    if (host === undefined) return new MecError('bad-request', { detail: BAD_HOST });
    if (isIP(host) !== 0 || this.#isName(host)) return undefined;
    return new MecError('wrong-host', {
      parameter: 'Host',
      detail: `If ${JSON.stringify(host)} is a name of this node, add it to http.hosts.`,
    });
  }

  /**
   * Returns the error of a write that a foreign page has sent; undefined for any other request.
   * Some writes need no preflight, so the headers for CORS do not stop them.
   */
  refusalOfOrigin({ method = '', headers }: IncomingMessage): MecError | undefined {
    if (SAFE_METHODS.includes(method)) return undefined;
    const { origin } = headers;
    if (origin === undefined)
      return FOREIGN_SITES.includes(String(headers['sec-fetch-site']))
        ? new MecError('cross-origin')
        : undefined;
    const { origins } = this.#rules();
    const isAllowed = origins.includes('*') || origins.includes(origin);
    if (isAllowed || isOwn(origin, headers.host)) return undefined;
    // The origin of a sandboxed page, which no configuration can name.
    if (origin === 'null') return new MecError('cross-origin');
    return new MecError('cross-origin', {
      parameter: 'Origin',
      detail: `If pages of ${JSON.stringify(origin)} may write, add it to http.origins.`,
    });
  }
}

const BAD_HOST = 'A request needs exactly one Host header, with a host and no more than a port';

/** Whether an origin is that of this node. A proxy in front of it may speak TLS. */
const isOwn = (origin: string, host = ''): boolean =>
  host !== '' && (origin === `http://${host}` || origin === `https://${host}`);
