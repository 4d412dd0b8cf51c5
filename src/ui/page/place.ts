/** The view that the address of the page names, after the `#`. */

/** The names of all views. A key has its own: `#/key/KEY`. */
export type ViewName = 'weather' | 'load' | 'keys' | 'key' | 'top' | 'play';

/** A view, and its key or prefix. */
export interface Place {
  readonly view: ViewName;
  readonly name: string;
}

const VIEWS: readonly ViewName[] = ['weather', 'load', 'keys', 'key', 'top', 'play'];

/** The place of an address. An unknown one is the weather. */
export function placeOf(hash: string): Place {
  const [, word = '', text = ''] = /^#\/([a-z]*)(?:\/(.*))?$/s.exec(hash) ?? [];
  const view = VIEWS.find((known) => known === word) ?? 'weather';
  try {
    return { view, name: decodeURIComponent(text) };
  } catch {
    return { view, name: text };
  }
}

/** The address of a view. */
export const linkTo = (view: ViewName, key = ''): string =>
  key === '' ? `#/${view}` : `#/${view}/${encodeURIComponent(key)}`;
