/**
 * MessagePack written value by value. The constants are the first bytes of its formats:
 * https://github.com/msgpack/msgpack/blob/master/spec.md. A general encoder is slow at lists, at
 * 64-bit integers, and at small maps whose keys differ each time. All writers share one buffer, so
 * only one may be in use at a time.
 */
import { allocate } from './bytes.ts';
import { MAX_WRITE_DEPTH, WRITER_KEEP_BYTES } from './limits.ts';

const START_BYTES = 64 * 1024;
const MAX_INTEGER_BYTES = 9;
/** A text up to this length is faster to write here than in native code. */
const SHORT_CHARS = 64;

let buffer = Buffer.allocUnsafe(START_BYTES);

/** Writes one value. Do not use the writer again after `toBase64` or `toBytes`. */
export class MsgpackWriter {
  #at = 0;

  /** Makes room for `bytes` more. Returns their offset. */
  #reserve(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > buffer.length) buffer = Buffer.concat([buffer], 2 * this.#at);
    return at;
  }

  /** Any value of nulls, booleans, numbers, texts, byte arrays, arrays and maps. */
  value(value: unknown, depth = MAX_WRITE_DEPTH): void {
    if (typeof value === 'string') this.text(value);
    else if (typeof value === 'number') this.number(value);
    else if (value === null || value === undefined) this.#byte(0xc0);
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2);
    else if (depth === 0) throw new Error('The value is nested too deep');
    else if (Array.isArray(value)) {
      this.array(value.length);
      for (let i = 0; i < value.length; i++) this.value(value[i], depth - 1);
    } else if (value instanceof Uint8Array) this.bytes(value);
    else if (typeof value === 'object') this.#entries(value, depth - 1);
    else throw new Error(`A ${typeof value} cannot be msgpack`);
  }

  #entries(value: object, depth: number): void {
    const entries = Object.entries(value);
    this.map(entries.length);
    for (const [key, item] of entries) {
      this.text(key);
      this.value(item, depth);
    }
  }

  #byte(byte: number): void {
    buffer[this.#reserve(1)] = byte;
  }

  /** The head of a map with `size` entries. The caller writes each key and its value next. */
  map(size: number): void {
    this.#head(size, 0x80, 0xde);
  }

  /** The head of an array with `length` items. The caller writes them next. */
  array(length: number): void {
    this.#head(length, 0x90, 0xdc);
  }

  /** `short` has the count in its low bits, `long` in the next 2 bytes, and `long + 1` in 4. */
  #head(count: number, short: number, long: number): void {
    const at = this.#reserve(5);
    let end = at + 1;
    if (count < 16) buffer[at] = short | count;
    else if (count <= 0xffff) {
      buffer[at] = long;
      end = buffer.writeUInt16BE(count, at + 1);
    } else {
      buffer[at] = long + 1;
      end = buffer.writeUInt32BE(count, at + 1);
    }
    this.#at = end;
  }

  /** A string, as UTF-8. */
  text(text: string): void {
    if (text.length > SHORT_CHARS || !this.#shortText(text)) this.#longText(text);
  }

  /** Writes a short text. Returns false, and writes nothing, if it is not ASCII. */
  #shortText(text: string): boolean {
    const { length } = text;
    const start = this.#at;
    let at = this.#reserve(2 + length);
    if (length < 32) buffer[at] = 0xa0 | length;
    else {
      buffer[at] = 0xd9;
      at += 1;
      buffer[at] = length;
    }
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      at += 1;
      if (unit > 0x7f) {
        this.#at = start;
        return false;
      }
      buffer[at] = unit;
    }
    this.#at = at + 1;
    return true;
  }

  #longText(text: string): void {
    // Enough for the head, and for three bytes of UTF-8 for each UTF-16 unit.
    const at = this.#reserve(5 + 3 * text.length);
    const length = Buffer.byteLength(text);
    let from = at + 1;
    if (length < 32) buffer[at] = 0xa0 | length;
    else if (length <= 0xff) {
      buffer[at] = 0xd9;
      buffer[at + 1] = length;
      from = at + 2;
    } else if (length <= 0xffff) {
      buffer[at] = 0xda;
      from = buffer.writeUInt16BE(length, at + 1);
    } else {
      buffer[at] = 0xdb;
      from = buffer.writeUInt32BE(length, at + 1);
    }
    buffer.write(text, from);
    this.#at = from + length;
  }

  /** Bytes. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    const at = this.#reserve(5 + length);
    let from = at + 2;
    if (length <= 0xff) {
      buffer[at] = 0xc4;
      buffer[at + 1] = length;
    } else if (length <= 0xffff) {
      buffer[at] = 0xc5;
      from = buffer.writeUInt16BE(length, at + 1);
    } else {
      buffer[at] = 0xc6;
      from = buffer.writeUInt32BE(length, at + 1);
    }
    buffer.set(bytes, from);
    this.#at = from + length;
  }

  /** A number: an integer if it is one exactly, else a 64-bit float. */
  number(n: number): void {
    if (!Number.isSafeInteger(n)) this.#float(n);
    else if (n >= 0) this.integer(n);
    else this.#negative(n);
  }

  #float(n: number): void {
    const at = this.#reserve(9);
    buffer[at] = 0xcb;
    buffer.writeDoubleBE(n, at + 1);
  }

  #negative(n: number): void {
    const at = this.#reserve(MAX_INTEGER_BYTES);
    let end = at + 1;
    if (n >= -0x20) buffer[at] = n & 0xff;
    else if (n >= -0x80) {
      buffer[at] = 0xd0;
      end = buffer.writeInt8(n, at + 1);
    } else if (n >= -0x8000) {
      buffer[at] = 0xd1;
      end = buffer.writeInt16BE(n, at + 1);
    } else if (n >= -0x8000_0000) {
      buffer[at] = 0xd2;
      end = buffer.writeInt32BE(n, at + 1);
    } else {
      buffer[at] = 0xd3;
      const high = Math.floor(n / 0x1_0000_0000);
      buffer.writeInt32BE(high, at + 1);
      end = buffer.writeUInt32BE(n - high * 0x1_0000_0000, at + 5);
    }
    this.#at = end;
  }

  /** A whole number from 0 to 2⁵³ − 1. */
  integer(n: number): void {
    const at = this.#reserve(MAX_INTEGER_BYTES);
    let end = at + 1;
    if (n < 0x80) buffer[at] = n;
    else if (n <= 0xff) {
      buffer[at] = 0xcc;
      end = buffer.writeUInt8(n, at + 1);
    } else if (n <= 0xffff) {
      buffer[at] = 0xcd;
      end = buffer.writeUInt16BE(n, at + 1);
    } else if (n <= 0xffff_ffff) {
      buffer[at] = 0xce;
      end = buffer.writeUInt32BE(n, at + 1);
    } else {
      this.#at = at;
      return this.product(n, 1);
    }
    this.#at = end;
  }

  /** The product of a whole number up to 2⁵³ − 1 and a small factor, as a 64-bit integer. */
  product(n: number, factor: number): void {
    const at = this.#reserve(MAX_INTEGER_BYTES);
    const low = (n % 0x1_0000_0000) * factor;
    const high = Math.floor(n / 0x1_0000_0000) * factor + Math.floor(low / 0x1_0000_0000);
    buffer[at] = 0xcf;
    buffer.writeUInt32BE(high >>> 0, at + 1);
    buffer.writeUInt32BE(low % 0x1_0000_0000, at + 5);
  }

  /** All that was written, behind `room` bytes for the caller to fill. The caller owns it. */
  toBytes(room: number): Uint8Array<ArrayBuffer> {
    const length = this.#at;
    const bytes = allocate(room + length);
    bytes.set(buffer.subarray(0, length), room);
    // The buffer never shrinks otherwise.
    if (buffer.length > WRITER_KEEP_BYTES) buffer = Buffer.allocUnsafe(START_BYTES);
    return bytes;
  }

  /** All that was written. */
  toBase64(): string {
    return buffer.toString('base64', 0, this.#at);
  }
}
