/** Reads numbers and strings off bytes that may be damaged: what lies behind their end reads as `isSpent`. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  /** Whether more was read than there is. */
  isSpent = false;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.isSpent || this.at >= this.bytes.length;
  }

  /** A number of so many bytes, the lowest first. */
  fixed(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value += this.#byte() * 2 ** (8 * i);
    return value;
  }

  /** A number of seven bits a byte, the lowest first. */
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

  /** Bytes behind their length. */
  sized(): Uint8Array {
    return this.take(this.varint());
  }

  #byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) this.isSpent = true;
    return byte ?? 0;
  }
}
