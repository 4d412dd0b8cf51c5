/** SHA-256, and the comparison of texts in a time that says nothing about them. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** The SHA-256 of the UTF-8 bytes of a text, as 64 hexadecimal digits. */
export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Whether two texts are equal. The time says nothing about the place of a difference. */
export function areSameTexts(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}
