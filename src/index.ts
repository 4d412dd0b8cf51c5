/** The public surface of the package. */
export { type Config, parseConfig } from './cluster/config.ts';
export { MecNode, type NodeOptions, type ReadOptions, type WriteOptions } from './cluster/node.ts';
export { ERROR_KINDS, type ErrorCode, type ErrorDetails, MecError, StartError } from './base/errors.ts';
