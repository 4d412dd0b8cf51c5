/**
 * Completes the page after the compiler: puts the modules of others next to its own, and its style
 * and picture. A browser finds no package by its name, so `outside.ts` then names files.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = join(ROOT, 'dist/src/ui/page');
const PREACT = join(ROOT, 'node_modules/preact');

/** The modules of others, by the name in an import: the file, and its name next to the page. */
const OUTSIDE: Readonly<Record<string, { readonly file: string; readonly as: string }>> = {
  preact: { file: join(PREACT, 'dist/preact.mjs'), as: 'preact.js' },
  'preact/hooks': { file: join(PREACT, 'hooks/dist/hooks.mjs'), as: 'preact-hooks.js' },
  '../../client/multipart.js': {
    file: join(ROOT, 'dist/src/client/multipart.js'),
    as: 'multipart.js',
  },
};

/** A module whose imports name files. */
const renamed = (text: string): string =>
  text
    .replaceAll(
      /(\bfrom ?)(["'])([^"']+)\2/g,
      (whole, from: string, quote: string, name: string) =>
        name in OUTSIDE ? `${from}${quote}./${OUTSIDE[name]?.as}${quote}` : whole,
    )
    .replaceAll(/^\/\/# sourceMappingURL=.*\n?/gm, '');

/** The licence of the library, which its copies must have. */
const licence = `/*!\n${readFileSync(join(PREACT, 'LICENSE'), 'utf8').trim()}\n*/\n`;

for (const [name, { file, as }] of Object.entries(OUTSIDE)) {
  const head = name === 'preact' ? licence : '';
  writeFileSync(join(PAGE, as), head + renamed(readFileSync(file, 'utf8')));
}
const own = join(PAGE, 'outside.js');
writeFileSync(own, renamed(readFileSync(own, 'utf8')));
for (const name of ['style.css', 'icon.svg'])
  cpSync(join(ROOT, 'src/ui/page', name), join(PAGE, name));
