/** Digests of bodies: `Content-Digest` (RFC 9530). */
import { createHash } from 'node:crypto';
import { MecError, nothingWritten } from '../base/errors.ts';
import { badHeader } from './bad-header.ts';
import type { HttpRequest } from './exchange.ts';

const ALGORITHMS: Readonly<Record<string, string>> = { 'sha-256': 'sha256', 'sha-512': 'sha512' };
const MEMBER = /^([a-z0-9*._-]+)=:([A-Za-z0-9+/]*={0,2}):$/;

/**
 * Checks a body against the header. Throws `digest-mismatch` if they differ, and `bad-parameter` if
 * the header is malformed or has no supported algorithm.
 */
export function verifyDigest(headers: HttpRequest['headers'], body: Uint8Array): void {
  const header = headers['content-digest'];
  if (header === undefined) return;
  const text = String(header);
  let checked = 0;
  for (const member of text.split(',')) {
    const [, name = '', expected = ''] = MEMBER.exec(member.trim()) ?? [];
    if (name === '') throw badHeader('Content-Digest', 'must be a list like sha-256=:BASE64:');
    const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
    if (algorithm === undefined) continue;
    checked += 1;
    if (createHash(algorithm).update(body).digest('base64') !== expected) {
      throw new MecError(
        'digest-mismatch',
        nothingWritten(`The ${name} of the body differs from Content-Digest.`),
      );
    }
  }
  if (checked === 0) throw badHeader('Content-Digest', 'must have a sha-256 or sha-512 digest');
}

/** A key derived from an Idempotency-Key, so that a repeated create uses the same key. */
export function keyFor(idempotencyKey: string): string {
  return createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32);
}
