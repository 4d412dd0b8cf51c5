/** Reads the public keys of an issuer (RFC 7517) from a file or a URL. */
import { readFile } from 'node:fs/promises';
import { JWKS_TIMEOUT_MS, MAX_JWKS_BYTES } from './limits.ts';

const isUrl = (source: string): boolean => /^https?:/.test(source);

/** The document with the keys. Rejects if it cannot be read, or is too large. */
export async function readJwks(source: string): Promise<unknown> {
  const text = isUrl(source) ? await fetchText(source) : await readFile(source, 'utf8');
  if (text.length > MAX_JWKS_BYTES) throw new Error(`${source} is too large`);
  try {
    return JSON.parse(text);
  } catch {
    // The reason repeats a part of the file, which may be a wrong one.
    throw new Error(`${source} is not JSON`);
  }
}

async function fetchText(url: string): Promise<string> {
  const signal = AbortSignal.timeout(JWKS_TIMEOUT_MS);
  // Another place than the configured one must not say which keys count.
  const answer = await fetch(url, { signal, redirect: 'error' });
  if (!answer.ok || answer.body === null) throw new Error(`${url} answered ${answer.status}`);
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MAX_JWKS_BYTES) throw new Error(`${url} is too large`);
  }
  return text;
}
