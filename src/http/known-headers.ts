/** The headers of MecDB in requests for keys. */
import { nearest } from '../base/nearest.ts';
import { badHeader } from './bad-header.ts';
import type { HttpRequest } from './exchange.ts';

const PREFIX = 'x-mec-';

/** The prefix of headers with metadata. The rest of their name is the writer's. */
export const META_PREFIX = 'x-mec-meta-';

/** All others that a request for keys may have. */
const KNOWN_HEADERS = [
  'X-Mec-Vclock',
  'X-Mec-Seen',
  'X-Mec-Gone',
  'X-Mec-Client-ID',
  'X-Mec-TTL',
  'X-Mec-Expires',
  'X-Mec-Write-ID',
] as const;

/** The characters of a name that are compared: a comparison of long names takes long. */
const MOST_CHARS = 64;

const NAMES: ReadonlyMap<string, string> = new Map(
  KNOWN_HEADERS.map((name) => [name.toLowerCase(), name]),
);

/**
 * Throws `bad-parameter` if the request has a header of MecDB that is unknown. A mistyped header
 * would otherwise be ignored, and a value would live for ever, for example.
 */
export function assertKnownHeaders({ headers }: HttpRequest): void {
  for (const name in headers) {
    if (!name.startsWith(PREFIX) || NAMES.has(name) || name.startsWith(META_PREFIX)) continue;
    const start = name.slice(0, MOST_CHARS);
    const known = nearest(start, [...NAMES.keys(), META_PREFIX]);
    throw badHeader(start, `is unknown; did you mean ${NAMES.get(known) ?? 'X-Mec-Meta-NAME'}?`);
  }
}
