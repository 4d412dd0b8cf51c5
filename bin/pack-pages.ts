/**
 * Prepares the pages for the package, which has no tests and no sources. While `npm pack`
 * runs, a link to a file that the package does not have is only its text and the path of the file.
 * With `--restore`, the pages are as before.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** The pages of the package, and the copies of them as they were. */
const PAGES = ['README.md', 'docs'];
const ORIGINALS = '.pages-before-pack';

/** Whether the package has a file that a page links to. */
const isPacked = (path: string): boolean =>
  /^(?:docs|examples)(?:\/|$)|^(?:README\.md|LICENSE)$/.test(path);

/** A page in which every link leads to a file of the package, or to another site. */
function packedPage(path: string, text: string): string {
  return text.replaceAll(
    /(\()?\[([^\]]*)\]\((?![a-z]+:|#)([^)#]+)(?:#[^)]*)?\)/g,
    (link: string, bracket: string | undefined, label: string, target: string) => {
      const file = normalize(join(dirname(path), target));
      if (isPacked(file)) return link;
      const named = file.startsWith(label) ? `\`${file}\`` : undefined;
      if (bracket === undefined) return named ?? `${label} (\`${file}\`)`;
      return `(${named ?? `${label}: \`${file}\``}`;
    },
  );
}

function pack(): void {
  if (existsSync(ORIGINALS))
    throw new Error(`An earlier pack was interrupted: run "npm run postpack" first`);
  for (const page of PAGES) cpSync(page, join(ORIGINALS, page), { recursive: true });
  const docs = readdirSync('docs').map((name) => `docs/${name}`);
  for (const path of ['README.md', ...docs].filter((name) => name.endsWith('.md')))
    writeFileSync(path, packedPage(path, readFileSync(path, 'utf8')));
}

function restore(): void {
  for (const page of PAGES) cpSync(join(ORIGINALS, page), page, { recursive: true });
  rmSync(ORIGINALS, { recursive: true });
}

if (process.argv[2] === '--restore') restore();
else pack();
