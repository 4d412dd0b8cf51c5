/** Tables of the pages that list commands, exit codes, requests, headers, errors and types. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CLUSTER_COMMANDS } from '../../src/cli/cluster-commands.ts';
import { CLIENT_COMMANDS, REMOTE_OPTIONS } from '../../src/cli/commands.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { LOCAL_COMMANDS } from '../../src/cli/local-commands.ts';
import * as client from '../../src/client/index.ts';
import * as merge from '../../src/client/merge/index.ts';
import { HEADER_COMPONENTS } from '../../src/http/openapi-headers.ts';
import { PARAMETERS } from '../../src/http/openapi-parts.ts';
import type { DocumentPart } from '../../src/http/openapi-ref.ts';
import { openApi } from '../../src/http/openapi.ts';

const textOf = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

const commandLine = textOf('docs/command-line.md');
const http = textOf('docs/http.md');

/** The text between a heading and the next one of any level. */
const sectionOf = (text: string, heading: string): string =>
  new RegExp(`^## ${heading}$([^]*?)(?:^## |$(?![^]))`, 'm').exec(text)?.[1] ?? '';

/** The first cells of the rows of the tables in a text, without their heads. */
const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| (?!---)(.*?) \|.*$/gm)].map(([, cell]) => cell as string);

/** The parts of a text that are shown as code. */
const codesOf = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code as string);

test('every command is in the table of commands', () => {
  const table = commandLine.slice(0, commandLine.indexOf('\n## '));
  const words = firstCells(table).flatMap(codesOf).join(' ').split(' ');
  const commands = [...CLIENT_COMMANDS, ...CLUSTER_COMMANDS, ...LOCAL_COMMANDS];
  assert.deepEqual(
    commands.map(({ name }) => name).filter((name) => !words.includes(name)),
    [],
  );
  const known = ['mec', '--config', 'FILE', 'completion', 'SHELL'];
  assert.deepEqual(
    words.filter((word) => !known.includes(word) && !commands.some(({ name }) => name === word)),
    [],
  );
  const url = REMOTE_OPTIONS.find(({ flags }) => flags.startsWith('--url'));
  assert.ok(commandLine.includes(`or \`${url?.env}\``));
  assert.ok(commandLine.includes(`otherwise\n\`${String(url?.defaultValue)}\``));
});

test('the exit codes are those of the source', () => {
  assert.deepEqual(
    firstCells(sectionOf(commandLine, 'Exit codes')).slice(1).map(Number),
    Object.values(EXIT),
  );
  const ofNodes = firstCells(sectionOf(textOf('docs/operations.md'), 'Start and stop')).slice(1);
  assert.deepEqual(ofNodes.map(Number), [EXIT.done, EXIT.failed, EXIT.usage]);
});

test('the options of mec dev are in its table, with their defaults', () => {
  const options = LOCAL_COMMANDS.find(({ name }) => name === 'dev')?.options ?? [];
  const rows = [...commandLine.matchAll(/^\| `(--[a-z]+)[^`]*` \| (.*?) ?\| .* \|$/gm)];
  assert.deepEqual(
    rows.map(([, flag]) => flag),
    options.map(({ flags }) => flags.split(' ')[0]),
  );
  for (const { flags, defaultValue } of options.filter((option) => 'defaultValue' in option)) {
    const row = rows.find(([, flag]) => flags.startsWith(`${flag} `));
    assert.equal(row?.[2]?.replaceAll('`', ''), String(defaultValue), flags);
  }
});

test('every column of mec status is explained', () => {
  const page = textOf('docs/operations.md');
  // The head of the table in a block: the test of the pages compares it with the output.
  const columns = /^node +zone .*$/m.exec(page)?.[0]?.split(/[ …]+/) ?? [];
  assert.ok(columns.length > 5, columns.join());
  const explained = firstCells(sectionOf(page, 'Status')).flatMap((cell) => cell.split(', '));
  assert.deepEqual(
    columns.filter((name) => !['node', 'zone', ...explained].includes(name)),
    [],
  );
});

interface Operation {
  readonly responses?: Readonly<Record<string, unknown>>;
  readonly 'x-mec-verb'?: string;
}

interface Operations {
  readonly paths: Readonly<Record<string, Record<string, Operation>>>;
}

test('the table of requests has every request of the OpenAPI document, and answers from it', () => {
  const { paths } = openApi('0') as unknown as Operations;
  const documented = new Map(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([method]) => method !== 'parameters')
        .map(([method, { responses = {}, 'x-mec-verb': verb }]) => {
          const name = path.replaceAll(/\{(\w+)\}/g, (_, part: string) => part.toUpperCase());
          const told = { statuses: Object.keys(responses), verb };
          return [`${method.toUpperCase()} ${name}`, told] as const;
        }),
    ),
  );
  const rows = [...sectionOf(http, 'Requests').matchAll(/^\| (`[A-Z].*?) \| (\w+) \| (.*) \|$/gm)];
  const listed = rows.flatMap(([, requests = '', verb, answers = '']) => {
    const words = codesOf(requests).flatMap((code) => code.split(' '));
    const methods = words.filter((word) => !word.startsWith('/'));
    const statuses = [...answers.matchAll(/\b[2-5]\d\d\b/g)].map(([status]) => status);
    return words
      .filter((word) => word.startsWith('/'))
      .flatMap((path) => [...new Set(methods)].map((method) => ({ method, path, verb, statuses })));
  });
  const names = listed.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(names.sort(), [...documented.keys()].sort());
  for (const { method, path, verb, statuses } of listed) {
    const { statuses: known = [], verb: needed } = documented.get(`${method} ${path}`) ?? {};
    assert.equal(verb, needed, `${method} ${path}`);
    const strange = statuses.filter((status) => !known.includes(status));
    assert.deepEqual(strange, [], `${method} ${path}`);
  }
});

/** The parameters and headers of the OpenAPI document that a page does not name. */
function unnamed(text: string): string[] {
  const headers = Object.keys(HEADER_COMPONENTS).map((name) =>
    name.replace(/\.sometimes$/, '').replace(/-any$/, '-*'),
  );
  const parameters = Object.values<DocumentPart>(PARAMETERS).filter(
    (part) => part['in'] !== 'path',
  );
  const names = [...new Set([...parameters.map((part) => String(part['name'])), ...headers])];
  return names.filter(
    (name) => !new RegExp(`[\`?]${name.replace('*', '\\*')}(?![\\w-])`).test(text),
  );
}

test('every parameter and every header of the OpenAPI document is on the page about HTTP', () => {
  assert.deepEqual(unnamed(http), []);
  assert.deepEqual(unnamed(http.replaceAll('X-Mec-TTL', 'X-Mec-Life')), ['X-Mec-TTL']);
});

test('the classes of errors and the types that merge are those that the package exports', () => {
  const page = textOf('docs/client.md');
  const classes = Object.keys(client).filter(
    (name) => name.endsWith('Error') && name !== 'MecClientError',
  );
  assert.deepEqual(firstCells(sectionOf(page, 'Errors')).flatMap(codesOf).sort(), classes.sort());
  const types = firstCells(sectionOf(page, 'Types that merge')).flatMap(codesOf);
  assert.deepEqual(types.map((name) => name.replace('(…)', '')).sort(), Object.keys(merge).sort());
});
