/** Keys: one by its name, or pages of all with a prefix. */
import { askJson, messageOf } from './api.ts';
import type { PrefixCount, ListedKeys } from './facts.ts';
import { Fragment, h, type JSX, useEffect, useState } from './outside.ts';
import { Trouble } from './parts.tsx';
import { linkTo } from './place.ts';
import { bytes, count, counted, visible } from './words.ts';
import { PAGE_KEYS } from './limits.ts';

interface Listing {
  readonly pages: readonly ListedKeys[];
  readonly failure?: string | undefined;
  readonly isBusy: boolean;
}

/** Draws the listing of the keys with a prefix. */
export function Keys({ prefix }: { readonly prefix: string }): JSX.Element {
  const [listing, set] = useState<Listing>({ pages: [], isBusy: true });
  const [size, setSize] = useState<string | undefined>(undefined);
  const more = async (pages: readonly ListedKeys[]): Promise<void> => {
    set({ pages, isBusy: true });
    const after = pages.at(-1)?.next ?? '';
    const query = new URLSearchParams({ prefix, limit: String(PAGE_KEYS) });
    if (after !== '') query.set('after', after);
    try {
      const page = await askJson<ListedKeys>(`/mec?${query}`);
      set({ pages: [...pages, page], isBusy: false });
    } catch (thrown) {
      set({ pages, failure: messageOf(thrown), isBusy: false });
    }
  };
  const measure = async (): Promise<void> => {
    setSize('counting …');
    const query = new URLSearchParams({ prefix, count: 'true' });
    setSize(await askJson<PrefixCount>(`/mec?${query}`).then(sizeOf, messageOf));
  };
  useEffect(() => {
    setSize(undefined);
    void more([]);
  }, [prefix]);
  return (
    <Fragment>
      <Forms prefix={prefix} />
      <Trouble text={listing.failure} />
      <p class="row" role="status">
        {summaryOf(listing, prefix)}
        <button type="button" onClick={() => void measure()}>
          Count them
        </button>
        {size}
      </p>
      <ol class="keys">
        {listing.pages.flatMap(({ keys }) =>
          keys.map((key) => (
            <li>
              <a href={linkTo('key', key)}>{visible(key)}</a>
            </li>
          )),
        )}
      </ol>
      {(listing.pages.at(-1)?.next ?? null) === null ? null : (
        <button type="button" disabled={listing.isBusy} onClick={() => void more(listing.pages)}>
          Next {PAGE_KEYS} keys
        </button>
      )}
    </Fragment>
  );
}

const sizeOf = ({ keys, siblings, values, bytes: size }: PrefixCount): string =>
  `${counted(keys, 'key')}, ${count(siblings)} of them with siblings, ${counted(values, 'value')}, ${bytes(size)}`;

function summaryOf({ pages, isBusy }: Listing, prefix: string): string {
  const keys = pages.reduce((sum, page) => sum + page.keys.length, 0);
  const which = prefix === '' ? '' : ` that begin with “${visible(prefix)}”`;
  if (pages.length === 0) return isBusy ? 'Listing …' : 'No listing.';
  const rest = pages.at(-1)?.next === null ? 'these are all' : 'more follow';
  return keys === 0 ? `No keys${which}.` : `${counted(keys, 'key')}${which}; ${rest}.`;
}

function Forms({ prefix }: { readonly prefix: string }): JSX.Element {
  const go = (view: 'key' | 'keys') => (event: Event) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem(view);
    const text = (field as HTMLInputElement).value;
    if (view === 'keys' || text !== '') location.hash = linkTo(view, text);
  };
  return (
    <div class="forms">
      <form onSubmit={go('key')}>
        <label for="key">One key</label>
        <span class="row">
          <input id="key" name="key" autocomplete="off" spellcheck={false} placeholder="user:42" />
          <button type="submit">Open</button>
        </span>
      </form>
      <form onSubmit={go('keys')}>
        <label for="prefix">Keys that begin with</label>
        <span class="row">
          <input
            id="prefix"
            name="keys"
            autocomplete="off"
            spellcheck={false}
            defaultValue={prefix}
          />
          <button type="submit">List</button>
        </span>
      </form>
    </div>
  );
}
