/** docs/troubleshooting.md has a section for every error code, with its status as in the source. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERROR_KINDS } from '../../src/base/errors.ts';
import { clientError } from '../../src/client/client-error.ts';
import { OWN_CODES } from '../../src/client/error-codes.ts';

const page = readFileSync(new URL('../../../docs/troubleshooting.md', import.meta.url), 'utf8');

/** The sections of the codes: the line under each heading, by code. */
function sectionsOf(text: string): Record<string, string> {
  const sections = text.matchAll(/^### `([a-z-]+)`\n\n(.+)\n\n\S/gm);
  return Object.fromEntries([...sections].map(([, code = '', line = '']) => [code, line]));
}

/** The line that each code must have. */
function linesOf(
  kinds: Readonly<Record<string, { readonly status?: number; readonly retriable: boolean }>>,
) {
  const lines = Object.entries(kinds).map(([code, { status, retriable }]) => {
    const retry = `a retry ${retriable ? 'may' : 'does not'} help`;
    return [code, status === undefined ? retry : `${status} · ${retry}`];
  });
  return Object.fromEntries(lines) as Record<string, string>;
}

const own = Object.fromEntries(
  OWN_CODES.map((code) => [code, { retriable: clientError(code).retriable }]),
);
const expected = { ...linesOf(ERROR_KINDS), ...linesOf(own) };

test('every error code has a section with its status and whether a retry may help', () => {
  assert.deepEqual(sectionsOf(page), expected);
});

test('a section that is missing is found, and one with another status', () => {
  const { contended: _, ...rest } = sectionsOf(page.replace('### `contended`', '### Other writes'));
  assert.notDeepEqual(sectionsOf(page.replace('### `contended`', '### Other writes')), expected);
  assert.deepEqual(Object.keys(rest).length, Object.keys(expected).length - 1);
  assert.notDeepEqual(sectionsOf(page.replace('507 ·', '500 ·')), expected);
});
