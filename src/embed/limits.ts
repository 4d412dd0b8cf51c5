/** Bounds of embedded nodes, each with its reason. */
import { KIB, MIB } from '../base/bytes.ts';

/**
 * The time between two warnings of a node that serves without any protection. A single one, at the
 * start, is soon rotated out of the log.
 */
export const INSECURE_WARNING_MS = 3_600_000;

/**
 * `FREE_PORT_TRIES` limits the search for free ports of an embedded node. `EMBED_START_TRIES`
 * limits its starts, if another process takes a port first.
 */
export const FREE_PORT_TRIES = 100;
export const EMBED_START_TRIES = 5;

/**
 * The time in which all nodes of an embedded cluster must see each other, and the interval between
 * checks.
 */
export const EMBED_START_TIMEOUT_MS = 20_000;
export const EMBED_POLL_MS = 10;

/** The longest run of the command that prints a master key, and the longest text of one. */
export const MASTER_KEY_COMMAND_MS = 30_000;
export const MAX_MASTER_KEY_CHARS = 1_024;

/** The audit: the size of one file, and the number of files that are kept. */
export const MAX_AUDIT_BYTES = 64 * MIB;
export const MAX_AUDIT_FILES = 8;

/** The shortest time between two looks for a recovery on the disk, which unknown tokens cause. */
export const RECOVERY_LOOK_MS = 1_000;

/** The document with the keys of an issuer: a key has about 400 bytes. */
export const MAX_JWKS_BYTES = 256 * KIB;

/** The time for its answer. Requests with tokens of the issuer wait for it. */
export const JWKS_TIMEOUT_MS = 3_000;

/** A day, as the lives of certificates count. */
export const DAY_MICROS = 86_400 * 1e6;

/** The life of the certificates of nodes and identities. */
export const NODE_LIFE_MICROS = 90 * DAY_MICROS;

/** The time between two looks at the certificate. It is renewed when a month of it is left. */
export const CERTIFICATE_LOOK_MS = 3_600_000;

/** The days before the end of a certificate from which the log warns. */
export const CERTIFICATE_WARNING_DAYS = 30;

/**
 * The days in which a node may take requests with keys and without. Otherwise a cluster would stay
 * open for ever, and its operators would take it for a secured one.
 */
export const MAX_MIGRATION_DAYS = 7;
