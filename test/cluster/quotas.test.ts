/** The sum of the bytes of a tenant over members, some of which are silent, new or broken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUOTA_ROUND_MS } from '../../src/cluster/limits.ts';
import { Quotas, type QuotaParts } from '../../src/cluster/quotas.ts';
import { PARTITIONS } from '../../src/core/limits.ts';
import { TenantBytes } from '../../src/storage/tenant-bytes.ts';
import type { Message } from '../../src/transport/message.ts';
import { MecError } from '../../src/base/errors.ts';

const NAMES = ['n1', 'n2', 'n3'];

/** A cluster of three, as its first node sees it. That one owns nothing. */
class Three {
  /** The answers of the others; undefined from one that does not answer. */
  readonly answers = new Map<string, unknown>();
  members = NAMES;
  readonly quotas: Quotas;
  #nowMs = 0;

  constructor() {
    const peer = (id: string) => ({
      id,
      data: {
        request: (_: Message, __: number, onReply: (reply: unknown) => void) => {
          const answer = this.answers.get(id);
          const json = typeof answer === 'string' ? answer : JSON.stringify(answer);
          onReply(answer === undefined ? new MecError('timeout') : { kind: 'insight', json });
        },
      },
    });
    this.quotas = new Quotas({
      env: { clock: { monotonicMs: () => this.#nowMs } },
      ledger: { quotas: new Map([['shop', 1_000]]), onChange: () => {} },
      members: {
        self: 'n1',
        in: () => this.members.map((name) => ({ name })),
        owners: () => ['n2', 'n3'],
      },
      peers: { byId: new Map(NAMES.map((name) => [name, peer(name)])), reach: () => 'reachable' },
      store: { find: () => undefined, tenants: new TenantBytes() },
    } as unknown as QuotaParts);
  }

  async round(): Promise<number | undefined> {
    this.#nowMs += QUOTA_ROUND_MS;
    await this.quotas.round();
    return this.quotas.storedBytes('shop');
  }
}

const told = (shop: number, partitions = PARTITIONS): unknown => ({ partitions, bytes: { shop } });

test('every byte counts once, whatever the number of its replicas', async () => {
  const three = new Three();
  three.answers.set('n2', told(600)).set('n3', told(600));
  assert.equal(await three.round(), 600);
  three.answers.set('n2', told(100, PARTITIONS / 4)).set('n3', told(500, PARTITIONS / 2));
  assert.equal(await three.round(), 800);
});

test('a member that is silent or still counting has what it told last, until it has left', async () => {
  const three = new Three();
  three.answers.set('n2', told(100, PARTITIONS / 2)).set('n3', told(900, PARTITIONS / 2));
  assert.equal(await three.round(), 1_000);
  three.answers.delete('n3');
  assert.equal(await three.round(), 1_000);
  three.answers.set('n3', { partitions: PARTITIONS / 2, bytes: {} });
  assert.equal(await three.round(), 1_000);
  three.members = ['n1', 'n2'];
  assert.equal(await three.round(), 200, 'as much as the others have');
});

test('as long as no member has counted, nothing is refused but what is too large alone', async () => {
  const three = new Three();
  assert.equal(await three.round(), undefined);
  three.quotas.assertRoom('shop/a', 1_000);
  assert.throws(() => three.quotas.assertRoom('shop/a', 1_001), { code: 'quota-exceeded' });
  three.quotas.assertRoom('shop', 1_001);
});

test('an answer that is malformed counts as none', async () => {
  const three = new Three();
  three.answers.set('n2', told(400));
  for (const odd of [
    '{',
    'null',
    '[]',
    { partitions: PARTITIONS + 1, bytes: { shop: 1 } },
    { partitions: -1, bytes: { shop: 1 } },
    { partitions: 1 },
    { partitions: 1, bytes: { shop: -1 } },
    { partitions: 1, bytes: { shop: '1' } },
    { partitions: 1, bytes: { shop: 1e300 } },
  ]) {
    three.answers.set('n3', odd);
    assert.equal(await three.round(), 400, JSON.stringify(odd));
  }
});
