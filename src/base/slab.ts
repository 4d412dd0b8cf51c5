/** Memory for short arrays that live for a short time. */

const SLAB_BYTES = 64 * 1024;
let slab = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/**
 * Returns `length` bytes for the caller to fill; they are not zeroed. Short arrays are cut from a
 * slab, because an array with its own buffer costs ten times as much to make and again to collect.
 * A slab stays in memory as long as any piece of it, so use this only for short-lived data.
 */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  if (length > SLAB_BYTES / 16) return new Uint8Array(length);
  if (used + length > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES);
    used = 0;
  }
  const bytes = new Uint8Array(slab, used, length);
  // Keeps each piece aligned to 8 bytes, as a separate buffer would be.
  used += (length + 7) & ~7;
  return bytes;
}
