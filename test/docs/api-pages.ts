/**
 * Makes API pages from the declarations that the compiler writes, with their doc comments.
 * TypeScript 7 has no compiler API, which the usual generators need. Declarations are regular
 * enough to be read without one.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../../src/', import.meta.url));

/** The entries of the package, by the names of their pages. */
export const ENTRIES: Readonly<Record<string, { readonly from: string; readonly file: string }>> = {
  'keyv.md': { from: 'mec-db/keyv', file: 'adapters/keyv.d.ts' },
  'session.md': { from: 'mec-db/session', file: 'adapters/session.d.ts' },
  'unstorage.md': { from: 'mec-db/unstorage', file: 'adapters/unstorage.d.ts' },
  'secured.md': { from: 'mec-db/secured', file: 'adapters/secured.d.ts' },
  'client.md': { from: 'mec-db/client', file: 'client/index.d.ts' },
  'merge.md': { from: 'mec-db/merge', file: 'client/merge/index.d.ts' },
  'mec-db.md': { from: 'mec-db', file: 'index.d.ts' },
};

/** One exported name. */
export interface ApiItem {
  readonly name: string;
  /** Its doc comment as text; empty if there is none. */
  readonly doc: string;
  readonly declaration: string;
}

const textOf = (comment: string): string =>
  comment
    .replaceAll(/^\s*\/\*\*\s?|\s*\*\/$/g, '')
    .replaceAll(/^\s*\* ?/gm, '')
    .trim();

/** The declaration of a name in the text of a file; throws if there is none. */
export function declarationOf(text: string, name: string): ApiItem {
  const kinds = '(?:interface|type|class|function|const)';
  const start = new RegExp(`^export (?:declare )?(?:abstract )?${kinds} ${name}\\b`, 'm').exec(
    text,
  );
  if (start === null) throw new Error(`no declaration of ${name}`);
  const rest = text.slice(start.index);
  // An item ends with a brace or a semicolon that no later line of it is indented behind.
  const end = /(?:^\}.*|[^\n]*;)$(?!\n[ }])/m.exec(rest);
  const declaration = end === null ? rest : rest.slice(0, end.index + end[0].length);
  const comment = /\/\*\*(?:(?!\*\/)[^])*\*\/\s*$/.exec(text.slice(0, start.index))?.[0] ?? '';
  return { name, doc: textOf(comment.trim()), declaration: declaration.trim() };
}

/** The declaration of a name that a file declares, or imports and exports again. */
function itemOf(path: string, name: string): ApiItem {
  const text = readFileSync(path, 'utf8');
  const imported = new RegExp(
    `^import (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from '(\\.[^']+)';`,
    'm',
  ).exec(text)?.[1];
  if (imported === undefined) return declarationOf(text, name);
  return itemOf(join(dirname(path), imported.replace(/\.ts$/, '.d.ts')), name);
}

/** The exports of an entry, in its order. */
export function itemsOf(entry: string): ApiItem[] {
  const index = readFileSync(join(BUILT, entry), 'utf8');
  return [...index.matchAll(/^export \{([^}]*)\} from '(\.[^']+)';/gm)].flatMap(
    ([, names = '', from = '']) => {
      const path = join(BUILT, dirname(entry), from.replace(/\.ts$/, '.d.ts'));
      const wanted = names.split(',').map((name) => name.replace(/\btype\b/, '').trim());
      return wanted
        .filter((name) => name !== '')
        .map((name) => {
          const [own = '', as = own] = name.split(' as ');
          return { ...itemOf(path, own), name: as };
        });
    },
  );
}

/** A page in Markdown. */
export function pageOf(from: string, items: readonly ApiItem[]): string {
  const sections = items.map(
    ({ name, doc, declaration }) => `## ${name}\n\n${doc}\n\n\`\`\`ts\n${declaration}\n\`\`\`\n`,
  );
  return [`# ${from}\n`, ...sections].join('\n');
}
