/** CRC-32C (Castagnoli), as LevelDB keeps it with every block and log record. */

const TABLE = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  TABLE[byte] = crc;
}

/** The checksum of bytes, masked as LevelDB masks it: a checksum of a checksum would be weak. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A bit that is not as it was. */
export interface Flip {
  /** Of which byte: counted from the first one that the checksum is of, or of the checksum itself. */
  readonly at: number;
  readonly isOfSum: boolean;
  readonly mask: number;
}

/**
 * The one bit that must be flipped for bytes to have their masked checksum, if there is one. CRCs
 * are linear: each bit changes the checksum in a way of its own, whatever the bytes are. That
 * another damage looks like a flipped bit has a chance of one in 100 000 for a block.
 */
export function findFlip(bytes: Uint8Array, masked: number): Flip | undefined {
  const found = maskedCrc32c(bytes);
  const ofSum = (found ^ masked) >>> 0;
  if ((ofSum & (ofSum - 1)) === 0) {
    const bit = 31 - Math.clz32(ofSum);
    return { at: bit >> 3, isOfSum: true, mask: 1 << (bit & 7) };
  }
  const difference = unmask(found) ^ unmask(masked);
  const effects = Int32Array.from({ length: 8 }, (_, bit) => TABLE[1 << bit] as number);
  for (let at = bytes.length - 1; at >= 0; at--) {
    for (let bit = 0; bit < 8; bit++) {
      const effect = effects[bit] as number;
      if (effect === difference) return { at, isOfSum: false, mask: 1 << bit };
      effects[bit] = (TABLE[effect & 0xff] as number) ^ (effect >>> 8);
    }
  }
  return undefined;
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return (rotated >>> 17) | (rotated << 15);
}
