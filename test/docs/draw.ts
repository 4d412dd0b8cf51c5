/** `npm run docs`: draws the pictures of the documentation, and writes API pages to `dist/api`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ENTRIES, itemsOf, pageOf } from './api-pages.ts';
import { PICTURES } from './pictures.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function write(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(`${ROOT}${folder}`, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${ROOT}${folder}/${name}`, text);
  console.log(`${folder}: ${Object.keys(files).join(', ')}`);
}

const pictures = Object.entries(PICTURES).map(([name, draw]) => [name, draw().toString()]);
write('docs/pictures', Object.fromEntries(pictures));
const pages = Object.entries(ENTRIES).map(([name, { from, file }]) => [
  name,
  pageOf(from, itemsOf(file)),
]);
write('dist/api', Object.fromEntries(pages));
