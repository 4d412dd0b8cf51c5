/** Bounds of the configuration, each with its reason. */
import { MIB } from '../base/bytes.ts';

/** Most that `maxvalue` may be set to. Larger things want chunking, not a larger row. */
export const MAX_VALUE_BYTES = 16 * MIB;

/** Policies in a configuration. They are looked through for each request. */
export const MAX_POLICIES = 256;
