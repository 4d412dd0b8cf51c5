/** Bounds of the configuration, each with its reason. */
import { MIB } from '../base/bytes.ts';

/** The largest `maxvalue`. Larger values need chunks, not larger rows. */
export const MAX_VALUE_BYTES = 16 * MIB;

/** Policies in a configuration. Each request searches all of them. */
export const MAX_POLICIES = 256;
