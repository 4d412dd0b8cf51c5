/**
 * Reads numbers and byte strings from bytes that may be damaged. A read beyond the end sets
 * `isSpent`.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  /** Whether a read went beyond the end. */
  isSpent = false;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.isSpent || this.at >= this.bytes.length;
  }

  /** Reads a number of `size` bytes, the lowest first. */
  fixed(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value += this.#byte() * 2 ** (8 * i);
    return value;
  }

  /** Reads a number with seven bits in each byte, the lowest first. */
  varint(): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    this.isSpent = true;
    return 0;
  }

  take(size: number): Uint8Array {
    if (this.at + size > this.bytes.length) this.isSpent = true;
    const taken = this.bytes.subarray(this.at, this.at + size);
    this.at += size;
    return taken;
  }

  /** Reads bytes that follow their length. */
  sized(): Uint8Array {
    return this.take(this.varint());
  }

  #byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) this.isSpent = true;
    return byte ?? 0;
  }
}
