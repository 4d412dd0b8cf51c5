/**
 * Signatures of HTTP messages (RFC 9421): the part of the format that requests to MecDB need. One
 * signature, fields without parameters, and four derived components. All else is refused, because
 * the two ends could understand it in two ways.
 */
import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import type { SigningAlgorithm } from '../core/security/ledger-record.ts';

/** The part of a request that a signature may cover. */
export interface SignedMessage {
  readonly method: string;
  /** As sent: percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** A parsed `Signature-Input`. */
export interface SignatureInput {
  readonly label: string;
  /** The names of the covered components. */
  readonly components: readonly string[];
  readonly parameters: ReadonlyMap<string, string | number>;
  /** The components and parameters as they were sent, which are signed as well. */
  readonly text: string;
}

const LABEL = '[a-z*][a-z0-9_.*-]*';
const INPUT = new RegExp(
  `^(${LABEL})=(\\(("[^"\\\\]+"(?: "[^"\\\\]+")*)\\)((?:;${LABEL}=(?:"[^"\\\\]*"|\\d{1,15}))*))$`,
);
const PARAMETER = new RegExp(`;(${LABEL})=(?:"([^"\\\\]*)"|(\\d+))`, 'g');
const SIGNATURE = new RegExp(`^(${LABEL})=:([A-Za-z0-9+/]+={0,2}):$`);

/** Parses the header `Signature-Input` of one signature; undefined if it is malformed. */
export function parseSignatureInput(header: string): SignatureInput | undefined {
  const [, label, text, list = '', tail = ''] = INPUT.exec(header) ?? [];
  if (label === undefined || text === undefined) return undefined;
  const components = list.split(' ').map((name) => name.slice(1, -1));
  const pairs = [...tail.matchAll(PARAMETER)].map(
    ([, name = '', string, number]): [string, string | number] => [name, string ?? Number(number)],
  );
  const parameters = new Map(pairs);
  const isTwice = new Set(components).size < components.length || parameters.size < pairs.length;
  return isTwice ? undefined : { label, components, parameters, text };
}

/** The bytes in the header `Signature` of one signature; undefined if it is malformed. */
export function parseSignature(header: string, label: string): Buffer | undefined {
  const [, name, base64 = ''] = SIGNATURE.exec(header) ?? [];
  return name === label ? Buffer.from(base64, 'base64') : undefined;
}

/** The `Host` as it is signed: in lower case, without the usual port of https. */
const authorityOf = (host: string): string => host.toLowerCase().replace(/:443$/, '');

function valueOf(
  { method, path, query, headers }: SignedMessage,
  name: string,
): string | undefined {
  if (name === '@method') return method;
  if (name === '@path') return path;
  if (name === '@query') return `?${query}`;
  const header = headers[name === '@authority' ? 'host' : name];
  if (header === undefined) return undefined;
  if (name === '@authority') return authorityOf(String(header));
  return typeof header === 'string' ? header.trim() : header.join(', ');
}

/** The text that is signed; undefined if the message lacks a component. */
export function signatureBase(message: SignedMessage, input: SignatureInput): string | undefined {
  const lines: string[] = [];
  for (const name of input.components) {
    const value = valueOf(message, name);
    if (value === undefined) return undefined;
    lines.push(`"${name}": ${value}\n`);
  }
  return `${lines.join('')}"@signature-params": ${input.text}`;
}

/** The object of a raw public key. */
const publicKeyOf = (key: Buffer): KeyObject =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') },
    format: 'jwk',
  });

/** A public key, or a shared secret. */
export interface VerifyingKey {
  readonly algorithm: SigningAlgorithm;
  readonly key: Buffer;
}

/** Whether a signature of a text was made with a key. The key alone decides the algorithm. */
export function isSignedBy(
  { algorithm, key }: VerifyingKey,
  text: string,
  signature: Buffer,
): boolean {
  if (algorithm === 'ed25519') return verify(null, Buffer.from(text), publicKeyOf(key), signature);
  const expected = createHmac('sha256', key).update(text).digest();
  return expected.length === signature.length && timingSafeEqual(expected, signature);
}

/** The raw public key in a PEM, in hexadecimal; undefined if it is none of Ed25519. */
export function ed25519KeyOf(pem: string): string | undefined {
  try {
    const { x, crv } = createPublicKey(pem).export({ format: 'jwk' });
    return crv === 'Ed25519' && x !== undefined
      ? Buffer.from(x, 'base64url').toString('hex')
      : undefined;
  } catch {
    return undefined;
  }
}
