/** The document of the page, and the rules that its browser must keep. */
import type { PageFiles } from './files.ts';

/** The places from which a page is served. */
export interface PagePlaces {
  /** The start of the paths of all its files, without a slash at the end. */
  readonly files: string;
  /** The start of the paths of the nodes' routes; empty on a node itself. */
  readonly routes: string;
  /** The start of the paths of the toys of `mec dev`; undefined on a node. */
  readonly toys?: string | undefined;
}

/**
 * No script, style, picture or request of another origin, none in the document itself, and no text
 * that becomes a script. Keys and values are text of strangers.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The document. It contains no data. */
export function documentOf({ byName, hash }: PageFiles, places: PagePlaces): string {
  const at = (name: string): string => `${places.files}/${hash}/${name}`;
  const modules = [...byName.keys()].filter((name) => name.endsWith('.js'));
  const toys = places.toys === undefined ? '' : ` data-toys="${places.toys}"`;
  return [
    '<!doctype html>',
    `<html lang="en" data-routes="${places.routes}"${toys}>`,
    '<head>',
    '<meta charset="utf-8">',
    '<title>MecDB</title>',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<link rel="icon" href="${at('icon.svg')}" type="image/svg+xml">`,
    `<link rel="stylesheet" href="${at('style.css')}">`,
    ...modules.map((name) => `<link rel="modulepreload" href="${at(name)}">`),
    `<script type="module" src="${at('main.js')}"></script>`,
    '</head>',
    '<body>',
    '<div id="page"><p class="waiting">The dashboard is loading. If this stays, load the page',
    'again: the node may have been upgraded. The page needs JavaScript.</p></div>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
