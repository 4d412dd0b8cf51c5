/** The public surface of `mec-db/client`. It needs `fetch` and runs in Node and in browsers. */
export { MecClient } from './client.ts';
export { KeyClient } from './key-client.ts';
export { type Change } from './update.ts';
export {
  type CallOptions,
  type CountOptions,
  type ClientOptions,
  type DeleteOptions,
  type GetOptions,
  type ListOptions,
  type PutOptions,
  type SetOptions,
  type Updated,
  type UpdateOptions,
} from './options.ts';
export {
  type Deleted,
  type Missing,
  type Read,
  type Siblings,
  type Token,
  type Value,
  type Version,
  type Written,
} from './answers.ts';
export { type KeyCount } from './listing.ts';
export { type Quorum as QuorumSize } from '../core/quorum/quorum.ts';
export { bytes, type Codec, json, text } from './codec.ts';
export { type SchemaIssue, type SchemaResult, type StandardSchema } from './standard-schema.ts';
export {
  type ClientErrorCode,
  CodecError,
  ConflictError,
  MecClientError,
  QuorumError,
  RefusedError,
  UnavailableError,
} from './client-error.ts';
export { type ClientWorld, type FetchInit, type FetchResponse, systemWorld } from './world.ts';
