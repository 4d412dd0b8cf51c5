/**
 * The public surface of `mec-db/merge`: types for `MecClient.update` whose concurrent states merge.
 */
export { type AppendEntry, type AppendList, appendList } from './append-list.ts';
export {
  growOnlyCounter,
  type GrowOnlyCounter,
  plusMinusCounter,
  type PlusMinusCounter,
} from './counter.ts';
export { type MapEntry, mapOf, type MapOf, type MapType } from './map-of.ts';
export { type Author, type Merge } from './merge.ts';
export { type ObservedRemoveSet, observedRemoveSet } from './observed-remove-set.ts';
export { type Register, register } from './register.ts';
