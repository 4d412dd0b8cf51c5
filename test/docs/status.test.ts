/** A node has each field of `/status` that docs/operations.md tells operators to watch. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startCluster } from '../../src/embed/start-cluster.ts';

/** Fields that are there only if there is something to tell, or when it has been counted. */
const SOMETIMES = [
  'handoff.waitsFor',
  'peers[].refusal',
  'store.diskBytes',
  'store.keys',
  'sync.oldest',
];

const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');

/** The fields in the tables of the section about the status. */
function fieldsOf(text: string): string[] {
  const section = /^## Status$([^]*?)^## /m.exec(text)?.[1] ?? '';
  const rows = [...section.matchAll(/^\| [^`|]*?\|? ?`[^|]+/gm)].map(([row]) => row);
  return rows.flatMap((row) =>
    [...row.matchAll(/`([a-zA-Z.[\]]+)`/g)].map(([, field]) => field as string),
  );
}

/** Whether a status has a field such as `peers[].reach`. */
function has(status: unknown, field: string): boolean {
  const steps = field.replaceAll('[]', '.0').split('.');
  let at = status;
  for (const step of steps) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Record<string, unknown>)[step];
  }
  return true;
}

test('a node has each field of /status that operators are told to watch', async (t) => {
  const cluster = await startCluster({ nodes: 2 });
  t.after(() => cluster.close());
  const status: unknown = await (await fetch(`${cluster.urls[0]}/status`)).json();
  const fields = fieldsOf(page).filter((field) => !SOMETIMES.includes(field));
  assert.ok(fields.length >= 10, fields.join(', '));
  assert.deepEqual(
    fields.filter((field) => !has(status, field)),
    [],
  );
  assert.ok(!has(status, 'peers[].mood'));
  const [, upgrade = ''] = /^## Restart and upgrade$([^]*?)^## /m.exec(page) ?? [];
  assert.ok(upgrade.includes('`peers[].data.version`') && has(status, 'peers[].data.version'));
});
