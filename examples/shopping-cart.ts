/**
 * The cart of the Dynamo paper: two devices change it at the same time. An item that one of them
 * added is never lost. Unlike in the paper, an item that one of them removed does not come back.
 *
 * Run it: npm run build && node dist/examples/shopping-cart.js
 * Prints:
 *   before: eggs, milk
 *   the laptop takes the milk out while the phone puts bread in
 *   versions in the store: 2
 *   after: bread, eggs
 */
import { startCluster } from 'mec-db';
import { MecClient } from 'mec-db/client';
import { observedRemoveSet as cart, type ObservedRemoveSet as Cart } from 'mec-db/merge';

const cluster = await startCluster();
const laptop = new MecClient<Cart>(cluster.urls);
const phone = new MecClient<Cart>(cluster.urls);
const { merge } = cart;
const show = (items: Cart | undefined): string => cart.values(items).join(', ');

const before = await laptop.update(
  'cart/ann',
  (items, by) => cart.add(cart.add(items, 'milk', by), 'eggs', by),
  {
    merge,
  },
);
console.log(`before: ${show(before?.value)}`);

/** A place to wait for each other: resolves for all when `count` have called it. */
function meetingOf(count: number): () => Promise<void> {
  let allAreHere = (): void => {};
  const together = new Promise<void>((resolve) => (allAreHere = resolve));
  return () => {
    count -= 1;
    if (count === 0) allAreHere();
    return together;
  };
}

// Both have read before either writes.
const meet = meetingOf(2);
console.log('the laptop takes the milk out while the phone puts bread in');
const takeOut = async (items: Cart | undefined): Promise<Cart> => {
  await meet();
  return cart.remove(items, 'milk');
};
await Promise.all([
  laptop.update('cart/ann', takeOut, { merge }),
  phone.update('cart/ann', async (items, by) => (await meet(), cart.add(items, 'bread', by)), {
    merge,
  }),
]);

const read = await phone.get('cart/ann');
// The third kind is 'missing'.
const versions = read.kind === 'siblings' ? read.siblings.map(({ value }) => value) : [];
if (read.kind === 'value') versions.push(read.value);
console.log(`versions in the store: ${versions.length}`);
console.log(`after: ${show(versions.reduce((a, b) => merge(a, b)))}`);

await cluster.close();
