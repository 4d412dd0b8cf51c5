/** What an answer says of the versions in it: their headers, and the token. */
import { microsToHttpDate } from '../base/system.ts';
import type { CausalContext } from '../core/causality/causal-context.ts';
import type { Content } from '../core/value/content.ts';
import { formatDot } from '../core/causality/dot.ts';
import { etagOf } from '../core/value/etag.ts';
import type { ObjectVersion } from '../core/causality/object.ts';
import { encodeToken } from '../core/causality/token.ts';
import type { Headers } from './exchange.ts';

/** A time in ns since 1970, as text: it is beyond what a JSON number holds exactly. */
export const nanos = (micros: number): string => String(BigInt(micros) * 1000n);

/**
 * What the coding of a value is called in an answer to a reader who wants the bytes as stored: a
 * name that nobody on the way decodes by.
 */
export const RAW_CODING = 'X-Mec-Content-Encoding';

/**
 * The headers of one version, added to others; `coding` names that of its Content-Encoding. (Not
 * copied together: that costs as much as a read of the store.)
 */
export function addContentHeaders(
  headers: Headers,
  version: ObjectVersion<Content>,
  coding = 'Content-Encoding',
): Headers {
  const { contentType, contentEncoding, timestampMicros, expiresMicros, clientId, meta } = version.body;
  headers['Content-Type'] = contentType;
  if (contentEncoding !== undefined) headers[coding] = contentEncoding;
  headers['Last-Modified'] = microsToHttpDate(timestampMicros);
  headers['X-Mec-Timestamp'] = nanos(timestampMicros);
  headers['X-Mec-Dot'] = formatDot(version);
  headers['ETag'] = etagOf([version]);
  if (expiresMicros !== undefined) headers['X-Mec-Expires'] = microsToHttpDate(expiresMicros);
  if (clientId !== undefined) headers['X-Mec-Client-ID'] = clientId;
  for (const [name, value] of meta ?? []) headers[`X-Mec-Meta-${name}`] = value;
  return headers;
}

/**
 * The token, with the time of the newest write of each actor among the versions. A token that knows
 * nothing is left out.
 */
export function vclockHeader(key: string, token: CausalContext, versions: readonly ObjectVersion<Content>[]): Headers {
  if (token.isEmpty) return {};
  const microsByActor = new Map<string, number>();
  for (const { actor, body } of versions) {
    microsByActor.set(actor, Math.max(body.timestampMicros, microsByActor.get(actor) ?? 0));
  }
  return { 'X-Mec-Vclock': encodeToken(token, key, microsByActor) };
}
