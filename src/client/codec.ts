/** Codecs, which convert values to bytes and back. */
import { bytesToUtf8, utf8ToBytes } from '../base/bytes.ts';
import { checkBySchema, isSchema, type StandardSchema } from './standard-schema.ts';

/**
 * Converts values to bytes and back. If a function throws, the call rejects with a `CodecError`.
 */
export interface Codec<T> {
  /** Stored with the value. */
  readonly contentType: string;
  /**
   * Whether `decode` takes the bytes as stored. Otherwise the client removes their Content-Encoding
   * first.
   */
  readonly keepsEncoding?: boolean;
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array, contentType: string): T | Promise<T>;
}

function utf8(bytes: Uint8Array): string {
  const text = bytesToUtf8(bytes);
  if (text === undefined) throw new TypeError('the bytes are not UTF-8');
  return text;
}

/**
 * Values as JSON. `check` validates a value that was read: a function that returns it typed or
 * throws, or a schema of zod, valibot, arktype or any other package with Standard Schema. Without
 * it, any JSON is accepted as `T`. Values are not validated before they are written.
 */
export function json<T = unknown>(
  check: StandardSchema<T> | ((value: unknown) => T) = (value) => value as T,
): Codec<T> {
  return {
    contentType: 'application/json',
    encode: (value) => {
      const written = JSON.stringify(value) as string | undefined;
      if (written === undefined) throw new TypeError(`${typeof value} is not JSON`);
      return utf8ToBytes(written);
    },
    decode: (bytes) => {
      const value: unknown = JSON.parse(utf8(bytes));
      return isSchema(check) ? checkBySchema(check, value) : check(value);
    },
  };
}

/** Values as UTF-8 text. */
export const text: Codec<string> = {
  contentType: 'text/plain; charset=utf-8',
  encode: utf8ToBytes,
  decode: utf8,
};

/**
 * Values as stored, byte by byte. `Version.contentEncoding` names their encoding, if they have one.
 */
export const bytes: Codec<Uint8Array> = {
  contentType: 'application/octet-stream',
  keepsEncoding: true,
  encode: (value) => value,
  decode: (value) => value,
};
