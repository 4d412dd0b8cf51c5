/** The headers that describe versions and the token of an answer. */
import { microsToHttpDate } from '../base/system.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import type { Content } from '../core/value/content.ts';
import { formatDot } from '../core/causality/dot.ts';
import { etagOf } from '../core/value/etag.ts';
import type { ObjectVersion } from '../core/causality/object.ts';
import type { Tokens } from '../cluster/tokens.ts';
import type { Headers } from './exchange.ts';

/** A time in ns since 1970 as text, because a JSON number cannot represent it exactly. */
export const microsToNanos = (micros: number): string => String(BigInt(micros) * 1000n);

/**
 * The header for the coding of a value if the reader wants its stored bytes. No proxy or client
 * decodes by this name.
 */
export const RAW_CODING = 'X-Mec-Content-Encoding';

/**
 * Adds the headers of one version to `headers`; `coding` is the name of the header for its
 * Content-Encoding. Adds in place, because a copy costs as much as a read of the store.
 */
export function addContentHeaders(
  headers: Headers,
  version: ObjectVersion<Content>,
  coding = 'Content-Encoding',
): Headers {
  const { contentType, contentEncoding, timestampMicros, expiresMicros, clientId, meta } =
    version.body;
  headers['Content-Type'] = contentType;
  if (contentEncoding !== undefined) headers[coding] = contentEncoding;
  headers['Last-Modified'] = microsToHttpDate(timestampMicros);
  headers['X-Mec-Timestamp'] = microsToNanos(timestampMicros);
  headers['X-Mec-Dot'] = formatDot(version);
  headers['ETag'] = etagOf([version]);
  if (expiresMicros !== undefined) headers['X-Mec-Expires'] = microsToHttpDate(expiresMicros);
  if (clientId !== undefined) headers['X-Mec-Client-ID'] = clientId;
  for (const [name, value] of meta ?? []) headers[`X-Mec-Meta-${name}`] = value;
  return headers;
}

/**
 * The header with the token, which also has the time of each actor's newest version. No header if
 * the token is empty.
 */
export function vclockHeader(
  tokens: Tokens,
  key: string,
  token: CausalContext,
  versions: readonly ObjectVersion<Content>[],
): Headers {
  if (token.isEmpty) return {};
  const microsByActor = new Map<string, number>();
  for (const { actor, body } of versions) {
    microsByActor.set(actor, Math.max(body.timestampMicros, microsByActor.get(actor) ?? 0));
  }
  return { 'X-Mec-Vclock': tokens.encode(token, key, { microsByActor, versions }) };
}
