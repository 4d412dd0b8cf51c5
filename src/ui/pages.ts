/** The pages as answers: the document is always asked for again, and its files are kept. */
import { utf8ToBytes } from '../base/bytes.ts';
import type { HttpAnswer } from '../http/exchange.ts';
import { type Pages, PAGES_PATH } from '../http/pages.ts';
import { CONTENT_SECURITY_POLICY, documentOf, type PagePlaces } from './document.ts';
import { type PageFile, type PageFiles, readPageFiles } from './files.ts';

/** The pages of a node. */
const OF_NODE: PagePlaces = { files: PAGES_PATH, routes: '' };

/** Reads the pages. Returns undefined if the program was bundled without their files. */
export function loadPages(places: PagePlaces = OF_NODE): Pages | undefined {
  const files = readPageFiles();
  if (files === undefined) return undefined;
  const document = documentAnswer(files, places);
  return {
    answer: ({ path, headers }) => {
      if (path === PAGES_PATH || path === `${PAGES_PATH}/`) return document;
      const name = path.slice(`${PAGES_PATH}/${files.hash}/`.length);
      const file = path === `${PAGES_PATH}/${files.hash}/${name}` && files.byName.get(name);
      return file ? fileAnswer(file, String(headers['accept-encoding'] ?? '')) : undefined;
    },
  };
}

const documentAnswer = (files: PageFiles, places: PagePlaces): HttpAnswer => ({
  status: 200,
  headers: {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  },
  body: utf8ToBytes(documentOf(files, places)),
});

/** The path of a file has a hash of all files, so its contents never change. */
function fileAnswer({ type, body, gzipped }: PageFile, accepted: string): HttpAnswer {
  const headers = {
    'Content-Type': type,
    'Cache-Control': 'public, max-age=31536000, immutable',
    Vary: 'Accept-Encoding',
  };
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/.test(accepted)
    ? { status: 200, headers: { ...headers, 'Content-Encoding': 'gzip' }, body: gzipped }
    : { status: 200, headers, body };
}
