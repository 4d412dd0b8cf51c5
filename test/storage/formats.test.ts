/** Tests that open a store of the first edition. The fixture was written by it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SYNC_LIMITS } from '../../src/cluster/limits.ts';
import { unpackContent } from '../../src/core/value/content.ts';
import { CausalContext } from '../../src/core/causality/causal-context.ts';
import type { OpenEngine } from '../../src/storage/engine.ts';
import { metaRow } from '../../src/storage/keyspace.ts';
import { openLevelEngine } from '../../src/storage/level.ts';
import { MemoryDisk } from '../../src/storage/memory.ts';
import { openRecord } from '../../src/storage/records.ts';
import { Store } from '../../src/storage/store.ts';
import { ManualClock, memoryLog, seededRandom } from '../fixtures/fake-env.ts';

const FIXTURE = new URL('../../../test/fixtures/store-format-1.json', import.meta.url);
const { rows } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as { rows: [string, string][] };
const changes = rows.map(([key, value]) => ({ key, value: Buffer.from(value, 'base64') }));

function open(openEngine: OpenEngine, life: string): Promise<Store> {
  const env = { clock: new ManualClock(), log: memoryLog(), random: seededRandom(1) };
  const { maxLogEntries } = SYNC_LIMITS;
  return Store.open({ env, life, nodeName: 'n1', openEngine, sync: true, maxLogEntries });
}

const valuesOf = (store: Store, partition: number, key: string): string[] =>
  store
    .of(partition)
    .read(key)
    .versions.map(({ body }) => Buffer.from(unpackContent(body).value).toString())
    .sort();

async function goesOn(openEngine: OpenEngine): Promise<void> {
  const store = await open(openEngine, 'second');
  const replica = store.of(7);
  assert.deepEqual(valuesOf(store, 7, 'plain'), ['one']);
  assert.deepEqual(valuesOf(store, 7, 'siblings'), ['left', 'right']);
  assert.deepEqual(valuesOf(store, 7, 'expires'), ['later']);
  assert.deepEqual(valuesOf(store, 7, 'deleted'), []);
  assert.deepEqual(valuesOf(store, 200, 'elsewhere'), ['y']);
  assert.equal(replica.clock.toString(), '{n1~es6j7fphsp:1-5 n2~wjbc15bxkb:1,3}');
  assert.deepEqual(
    [replica.log.length, replica.residues.count, replica.lost.isEmpty],
    [7, 1, true],
  );
  assert.equal(replica.status.isUnconfirmed, true, 'it was complete');
  replica.status.confirm();
  assert.equal(replica.isComplete, true);
  const [first, second] = store.keptMembers();
  assert.deepEqual(
    [first?.name, first?.generation, first?.life, first?.zone],
    ['n1', 2, '', undefined],
  );
  assert.equal(second?.state, 'gone');
  await new Promise<void>((resolve, reject) => {
    const write = { key: 'new', token: new CausalContext(), body: Uint8Array.of(1) };
    replica.write(write, (error) => (error === undefined ? resolve() : reject(error)));
  });
  await store.close();

  const again = await open(openEngine, 'third');
  assert.equal(again.of(7).clock.base('n1~second'), 1, 'a write in the new format is read');
  assert.equal(again.of(7).clock.max('n2~wjbc15bxkb'), 3, 'and what was written in the old one');
  await again.close();
}

test('a store of format 1 opens with all that it held, and becomes format 2', async () => {
  const disk = new MemoryDisk();
  for (const { key, value } of changes) disk.rows.set(key, value);
  await goesOn(disk.open);
  const header = metaRow('header');
  const record = disk.rows.get(header) as Uint8Array;
  assert.deepEqual(openRecord(record, header), { format: 2, partitions: 256, name: 'n1' });
});

test('a store of format 1 on LevelDB opens, too', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'mec-format-'));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const openEngine: OpenEngine = () => openLevelEngine(join(parent, 'root'));
  const engine = await openEngine();
  await engine.commit(changes, true);
  await engine.close();
  await goesOn(openEngine);
});

test('a store of format 1 with a key of another partition now is refused', async () => {
  const disk = new MemoryDisk();
  for (const { key, value } of changes) disk.rows.set(key, value);
  const [row, record] = [...disk.rows].find(([name]) => name.startsWith('o')) as [
    string,
    Uint8Array,
  ];
  disk.rows.set(`${row.slice(0, 5)}{tag}key`, record);
  await assert.rejects(open(disk.open, 'second'), /format 1 and the key "\{tag\}key".*Export/s);
  disk.rows.delete(`${row.slice(0, 5)}{tag}key`);
  await (await open(disk.open, 'second')).close();
});
