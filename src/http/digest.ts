/** Digests of bodies: `Content-Digest` (RFC 9530). */
import { createHash } from 'node:crypto';
import { MecError } from '../base/errors.ts';
import { badHeader } from './bad-header.ts';
import { headerOf, type HttpRequest } from './exchange.ts';

const ALGORITHMS: Readonly<Record<string, string>> = { 'sha-256': 'sha256', 'sha-512': 'sha512' };
const MEMBER = /^([a-z0-9*._-]+)=:([A-Za-z0-9+/]*={0,2}):$/;

/** Throws `digest-mismatch` where a body is not what the header says; `bad-parameter` where that cannot be checked. */
export function verifyDigest(request: HttpRequest, body: Uint8Array): void {
  const text = headerOf(request, 'content-digest');
  if (text === undefined) return;
  let checked = 0;
  for (const member of text.split(',')) {
    const [, name = '', expected = ''] = MEMBER.exec(member.trim()) ?? [];
    if (name === '') throw badHeader('Content-Digest', 'must be a list like sha-256=:BASE64:');
    const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
    if (algorithm === undefined) continue;
    checked += 1;
    if (createHash(algorithm).update(body).digest('base64') !== expected) {
      throw new MecError('digest-mismatch', { detail: `The body does not have this ${name}. Nothing was written.` });
    }
  }
  if (checked === 0) throw badHeader('Content-Digest', 'names no digest that is known here: sha-256, sha-512');
}

/** A key that is always the same for the same idempotency key: a create that is repeated is then the same create. */
export function keyFor(idempotencyKey: string): string {
  return createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 32);
}
