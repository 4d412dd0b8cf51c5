/**
 * The versions of the protocol that a node speaks.
 *
 * Two nodes use the newest version that both speak, so that the nodes of a cluster can be upgraded
 * one by one: each release speaks the version of the release before. Messages may get new optional
 * fields without a new version, since readers ignore what they do not know. A version is for what
 * an older node must not be sent at all.
 */
export interface ProtocolRange {
  readonly oldest: number;
  readonly newest: number;
}

/** The versions that this release speaks. */
export const PROTOCOL: ProtocolRange = { oldest: 4, newest: 4 };

/** The version for data between two nodes: the newest that both speak. */
export const dataVersion = (own: ProtocolRange, other: ProtocolRange): number =>
  Math.min(own.newest, other.newest);

/**
 * The version for probes: the oldest that both speak. A probe reaches the other node even if that
 * has been replaced by an older release since.
 */
export const probeVersion = (own: ProtocolRange, other: ProtocolRange): number =>
  Math.max(own.oldest, other.oldest);
