/**
 * Prepares the declarations for the package: removes those that no entry point reaches, and writes
 * the others as TypeScript 5.0 reads them. It runs on the files that are packed, after a build.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
}

/** The compiler infers this type argument, which such types have only since TypeScript 5.7. */
const BUFFER_ARGUMENT = /\b(\w+\d(?:Clamped)?Array|DataView|Buffer)<ArrayBuffer(?:Like)?>/g;

/** The files that a declaration imports from. */
const importsOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/(?:from |import\()["'](\.[^"']+)["']/g)]
    .map(([, from]) => join(dirname(path), from as string).replace(/\.ts$/, '.d.ts'))
    .filter((target) => existsSync(target));

const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const reached = new Set(
  Object.values(entries).flatMap((entry) =>
    typeof entry === 'string' ? [] : [normalize(entry.types)],
  ),
);
for (const path of reached) for (const target of importsOf(path)) reached.add(target);

for (const name of readdirSync('dist/src', { recursive: true, encoding: 'utf8' })) {
  const path = join('dist/src', name);
  if (!path.endsWith('.d.ts')) continue;
  if (reached.has(path))
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(BUFFER_ARGUMENT, '$1'));
  else rmSync(path);
}
// Or the next build would take the removed files for built.
rmSync('dist/.tsbuildinfo', { force: true });
