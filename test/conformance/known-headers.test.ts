/** The headers of MecDB that requests may have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MecError } from '../../src/base/errors.ts';
import type { HttpRequest } from '../../src/http/exchange.ts';
import { assertKnownHeaders } from '../../src/http/known-headers.ts';
import { openApi } from '../../src/http/openapi.ts';

const requestWith = (...names: string[]): HttpRequest => ({
  method: 'PUT',
  path: '/mec/k',
  query: '',
  headers: Object.fromEntries(names.map((name) => [name.toLowerCase(), '1'])),
  body: async () => new Uint8Array(),
  chunks: () => assert.fail('not read'),
});

test('the known headers are those of requests in the OpenAPI document', () => {
  const { components } = openApi('1') as {
    components: {
      parameters: Record<string, { in: string; name: string }>;
      headers: Record<string, unknown>;
    };
  };
  const ours = (names: string[]): string[] => names.filter((name) => name.startsWith('X-Mec-'));
  const asked = Object.values(components.parameters).filter((part) => part.in === 'header');
  const known = ours(asked.map(({ name }) => name));
  assert.ok(known.length > 7);
  assertKnownHeaders(requestWith(...known, 'X-Other', 'Accept'));
  const sent = ours(Object.keys(components.headers)).filter(
    (name) => !/\.|-any$/.test(name) && !known.includes(name),
  );
  assert.ok(sent.includes('X-Mec-Dot'));
  for (const name of sent) assert.throws(() => assertKnownHeaders(requestWith(name)), name);
});

test('an unknown header is refused with the nearest known one', () => {
  for (const [name, meant] of [
    ['X-Mec-TLL', 'X-Mec-TTL'],
    ['X-Mec-Clock', 'X-Mec-Vclock'],
    ['X-Mec-Expire', 'X-Mec-Expires'],
    ['X-Mec-Meta', 'X-Mec-Meta-NAME'],
    ['X-Mec-Dot', 'X-Mec-Gone'],
  ] as const) {
    assert.throws(
      () => assertKnownHeaders(requestWith('Accept', name)),
      ({ code, details }: MecError) =>
        code === 'bad-parameter' &&
        details.parameter === name.toLowerCase() &&
        details.detail === `The header ${name.toLowerCase()} is unknown; did you mean ${meant}?`,
      name,
    );
  }
});

test('the name of a long unknown header is cut', () => {
  assert.throws(
    () => assertKnownHeaders(requestWith(`X-Mec-${'x'.repeat(50_000)}`)),
    ({ details }: MecError) => details.parameter?.length === 64,
  );
});
