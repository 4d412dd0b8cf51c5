/** A page of the documentation: its blocks of code, and the output that it shows for each. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** One fenced block, with the output that follows it. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** The text of the output block under it; undefined if there is none. */
  readonly output: string | undefined;
}

/** A page: its path from the root of the project, and its text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

const FENCE = /^```(.*)\n([^]*?)^```$/gm;

/** The language of a block that shows an output. */
const OUTPUT = 'text';

/** README and the pages of `docs`, without those that a program writes. */
export function readPages(): Page[] {
  const names = readdirSync(`${ROOT}docs`).filter((name) => name.endsWith('.md'));
  const paths = ['README.md', ...names.sort().map((name) => `docs/${name}`)];
  return paths.map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }));
}

/** The blocks of a page in their order. An output belongs to the block directly above it. */
export function blocksOf({ path, text }: Page): Block[] {
  const fences = [...text.matchAll(FENCE)];
  // An indented block, or one without an end, would not be run.
  if (text.replaceAll(FENCE, '').includes('```'))
    throw new Error(`${path}: a block does not begin or end as it must`);
  const blocks: Block[] = [];
  let endOfLast = -1;
  for (const { 0: whole, 1: language = '', 2: code = '', index } of fences) {
    const last = blocks.at(-1);
    const isDirectlyUnder = last !== undefined && text.slice(endOfLast, index).trim() === '';
    endOfLast = index + whole.length;
    if (language !== OUTPUT) blocks.push({ language, code, output: undefined });
    else if (isDirectlyUnder && last.output === undefined)
      blocks.splice(-1, 1, { ...last, output: code });
    else throw new Error(`${path}: no command is directly above this output:\n${code}`);
  }
  return blocks;
}

/** Texts that differ from run to run, each with a name for it. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\r/g, ''],
  [/^(Date|Connection|Keep-Alive|Vary|Accept-Ranges|Cache-Control): .*\n/gm, ''],
  [/^(X-Content-Type-Options|Content-Security-Policy|Cross-Origin-[\w-]+): .*\n/gm, ''],
  [/^X-Mec-Vclock: .*$/gm, 'X-Mec-Vclock: token'],
  [/\bn\d~[0-9a-z]{10}:\d+/g, 'dot'],
  [/^ETag: "[0-9a-f]{16}"$/gm, 'ETag: tag'],
  [/^Last-Modified: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/gm, 'Last-Modified: date'],
  [/^X-Mec-Timestamp: \d{19}$/gm, 'X-Mec-Timestamp: time'],
  [/mec-[0-9a-f]{16,}/g, 'boundary'],
  [/"etag":"[^,]*"/g, '"etag":"tag"'],
  [/"timestamp":"\d{19}"/g, '"timestamp":"time"'],
  [/\d{4}-\d\d-\d\dT[\d:.]{12}Z/g, 'time'],
];

const withoutVarying = (text: string): string =>
  VARYING.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, name), text).trim();

/** Whether an output is what a page shows. In that, `…` stands for any text within a line. */
export function isShown(output: string, shown: string): boolean {
  const parts = withoutVarying(shown).split('…');
  const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${pattern}$`).test(withoutVarying(output));
}
