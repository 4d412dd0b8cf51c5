/** The time for which a certificate counts. */
import { X509Certificate } from 'node:crypto';
import { microsToIso, textToMillis } from '../base/system.ts';

/** The times in a certificate, µs since 1970. */
export interface CertificateLife {
  readonly fromMicros: number;
  readonly untilMicros: number;
}

/** The life of a certificate, given as PEM. */
export function lifeOf(certificate: string): CertificateLife {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const micros = (text: string): number => 1000 * (textToMillis(text) ?? 0);
  return { fromMicros: micros(validFrom), untilMicros: micros(validTo) };
}

const DAY_MICROS = 86_400 * 1e6;

/** The certificate of a node in its `/status`. */
export interface CertificateStatus {
  /** The time at which it ends. */
  readonly expires: string;
  /** Whole days until then. */
  readonly daysLeft: number;
}

/** The end of a life, and the days until then. */
export const certificateStatus = (
  { untilMicros }: CertificateLife,
  nowMicros: number,
): CertificateStatus => ({
  expires: microsToIso(untilMicros),
  daysLeft: Math.floor((untilMicros - nowMicros) / DAY_MICROS),
});
