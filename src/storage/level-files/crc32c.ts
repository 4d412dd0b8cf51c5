/** CRC-32C (Castagnoli), the checksum of LevelDB's blocks and log records. */

const TABLE = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  TABLE[byte] = crc;
}

/** Returns the checksum of bytes, masked like LevelDB's: a checksum of a checksum would be weak. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A flipped bit. */
export interface Flip {
  /** The index of its byte, among the bytes of the checksum or those that the checksum covers. */
  readonly at: number;
  /** Whether the bit is in the checksum itself. */
  readonly isOfSum: boolean;
  readonly mask: number;
}

/**
 * Returns the one bit that must be flipped so that bytes match their masked checksum; undefined if
 * there is none. CRCs are linear: each bit has its own effect on the checksum, whatever the other
 * bits are. Other damage of a block looks like one flipped bit with a chance of one in 100 000.
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
