/**
 * The commands `mec status`, `locate` and `leave`, and the routes behind them: output and exit
 * codes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Wait } from '../../src/cluster/membership/wait.ts';
import type { NodeStatus } from '../../src/cluster/status.ts';
import { MecClient } from '../../src/client/index.ts';
import { type EmbeddedCluster, startCluster, startNode } from '../../src/index.ts';
import { eventually, LAUNCHER } from '../fixtures/cluster.ts';
import { type MecResult, runMec } from '../fixtures/run-mec.ts';
import { deadUrl, type FakeNode, fakeNode } from '../fixtures/fake-node.ts';

let cluster: EmbeddedCluster;
let directory: string;

/** Runs `mec` with arguments, against the first node unless they name another. */
const mec = (...args: readonly string[]): Promise<MecResult> =>
  runMec(args, { env: { MEC_URL: cluster.urls[0] } });

/** A node that leaves, waits, and goes when it has been asked `polls` times. */
const leavingNode = (t: TestContext, waitsFor: Wait, polls: number): Promise<FakeNode> => {
  let left = polls;
  return fakeNode(t, (response, { url }) => {
    const isLeave = url.startsWith('/cluster/leave');
    if (!isLeave && left <= 0) {
      response.destroy();
      return;
    }
    if (!isLeave) left -= 1;
    const handoff = { done: 0, all: 0, bytesPerSecond: 0, waitsFor };
    const status = { name: 'n3', state: 'leaving', handoff };
    response.writeHead(isLeave ? 202 : 200).end(JSON.stringify(status));
  });
};

const statuses = async (): Promise<NodeStatus[]> =>
  JSON.parse((await mec('status', '--json')).out) as NodeStatus[];

describe('the commands of operators', () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mec-operator-'));
    cluster = await startCluster({ root: directory });
    const client = new MecClient<number>(cluster.urls);
    for (let i = 0; i < 5; i++) await client.put(`k${i}`, i, { w: 'all' });
    for (const key of ['k3', 'k4']) await client.delete(key, { w: 'all' });
  });
  after(async () => {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('mec status counts the keys with a value and the bytes of each store', async () => {
    await eventually('all are counted', async () =>
      (await statuses()).every(({ store }) => store.keys === 3 && (store.diskBytes ?? 0) > 0),
    );
    const all = await statuses();
    assert.deepEqual(
      all.map(({ name, state, isReady }) => [name, state, isReady]),
      ['n1', 'n2', 'n3'].map((name) => [name, 'up', true]),
    );
    for (const { partitions, members, sync } of all) {
      assert.deepEqual(
        [partitions.owned, partitions.pending, members.length],
        [partitions.all, 0, 3],
      );
      assert.deepEqual([sync.incomplete, sync.fallbacks], [0, 0]);
    }
  });

  test('mec status prints a row for each node', async () => {
    const { code, out, err } = await mec('status');
    assert.deepEqual([code, err], [0, '']);
    const [head, ...rows] = out.trimEnd().split('\n');
    assert.match(
      head ?? '',
      /^node +zone +reach +state +owned +pending +fallback +keys +disk +log +lag +notes$/,
    );
    assert.equal(rows.length, 3);
    for (const [i, row] of rows.entries())
      assert.match(
        row,
        new RegExp(
          `^n${i + 1} +- +reachable +up +256 +0 +0 +3 +[\\d.]+ (bytes|KiB|MiB) +\\d+ +\\d+$`,
        ),
      );
  });

  test('mec status --watch prints the table again and again, until it is ended', async (t) => {
    const watching = spawn(process.execPath, [LAUNCHER, 'status', '--watch'], {
      env: { ...process.env, MEC_URL: cluster.urls[0] },
    });
    t.after(() => watching.kill('SIGKILL'));
    let out = '';
    watching.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const tables = (): number => out.match(/^node +zone/gm)?.length ?? 0;
    await eventually('there are three tables', async () => tables() > 2);
    assert.ok((out.match(/^n3 +- +reachable +up/gm) ?? []).length > 1);
    const ended = once(watching, 'close');
    watching.kill('SIGINT');
    await ended;
  });

  test('locate prints the nodes that hold a key, and their versions', async () => {
    const { code, out, err } = await mec('locate', 'k1');
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^k1 is in partition \d+$/);
    assert.equal(lines.length, 7);
    for (const at of [1, 3, 5]) {
      assert.match(lines[at] ?? '', /^ {2}owner {8} {2}n[123] {2}has n[123]~\w{10}:\d+$/);
      assert.match(lines[at + 1] ?? '', /^ {17}clock \{n[123]~/);
    }
    const location = JSON.parse((await mec('locate', 'a/b c', '--json')).out) as {
      key: string;
      entries: { says: { versions: unknown[] } }[];
    };
    assert.equal(location.key, 'a/b c');
    assert.deepEqual(
      location.entries.map(({ says }) => says.versions),
      [[], [], []],
    );
  });

  test('ring is an alias of locate', async () => {
    const { code, out, err } = await mec('ring', 'k1');
    assert.deepEqual([code, err], [0, '']);
    assert.equal(out, (await mec('locate', 'k1')).out);
    assert.match((await mec('--help')).out, /^ +locate\|ring \[options\] <key> /m);
    const answers = ['locate', 'ring'].map(async (name) => {
      const answer = await fetch(`${cluster.urls[0]}/cluster/${name}/a/b%20c`);
      return [answer.status, await answer.text()];
    });
    const [located, ringed] = await Promise.all(answers);
    assert.equal(located?.[0], 200);
    assert.deepEqual(ringed, located);
  });

  test('mec explain prints the versions, the reason for siblings, and the effect of a write', async () => {
    for (const value of ['soup', 'salad']) await mec('put', 'dinner', value);
    const { code, out, err } = await mec('explain', 'dinner');
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^dinner is in partition \d+, and has 2 values$/);
    assert.match(lines[1] ?? '', /^ {2}n1~\w{10}:\d+ {2}\d bytes, 2\S+Z, taken by n1, by mec$/);
    assert.match(lines[2] ?? '', /^ {4}n\d has, n\d has, n\d has$/);
    const dot = /n1~\w{10}:\d+/;
    const because = new RegExp(
      `^because ${dot.source} was written by client mec without a token; it had not seen ${dot.source}$`,
    );
    assert.match(lines[5] ?? '', because);
    assert.match(
      lines[6] ?? '',
      /^a write without a token at n1 would replace nothing, and leave n1/,
    );
    const token = (JSON.parse((await mec('get', 'dinner', '--json')).out) as { token: string })
      .token;
    const planned = (await mec('explain', 'dinner', '--token', token)).out;
    assert.match(
      planned,
      /^a write with this token at n1 would replace n1\S+, n1\S+, and leave nothing$/m,
    );
    const refused = await mec('explain', 'dinner', '--token', 'nonsense');
    assert.equal(refused.code, 1);
  });

  test('mec top prints the keys of an order, and refuses any other', async () => {
    const { code, out, err } = await mec('top', '--by', 'siblings');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^2\tdinner\n/);
    assert.equal((await mec('top', '--by', 'names')).code, 2);
  });

  test('operator commands report errors like client commands', async () => {
    const dead = await deadUrl();
    for (const command of ['status', 'locate', 'leave']) {
      const args = command === 'locate' ? [command, 'k'] : [command];
      const nonsense = await mec(...args, '--url', 'nonsense');
      assert.equal(nonsense.code, 2, command);
      assert.match(nonsense.err, /^mec: "nonsense" is not the URL of a node; .*\n$/);
      const nobody = await mec(...args, '--url', dead);
      assert.equal(nobody.code, 5, command);
      assert.match(nobody.err, /^mec: .*ECONNREFUSED.*--url or MEC_URL.*\n$/);
      const json = await mec(...args, '--json', '--url', dead);
      assert.equal(json.code, 5);
      const { error } = JSON.parse(json.err) as { error: Record<string, unknown> };
      assert.deepEqual([error['code'], error['retriable']], ['unreachable', true]);
    }
    assert.equal(
      (await mec('status', '--url', `${dead},${cluster.urls[1]}`)).code,
      0,
      'another answers',
    );
    const both = await mec('leave', '--url', cluster.urls.join(','));
    assert.equal(both.code, 2);
    assert.match(both.err, /name only the one that should leave/);
    const alone = await startNode();
    try {
      const refused = await mec('leave', '--json', '--yes', '--url', alone.url);
      assert.equal(refused.code, 1);
      const { error } = JSON.parse(refused.err) as { error: Record<string, unknown> };
      assert.deepEqual(
        [error['code'], error['status'], error['retriable']],
        ['bad-parameter', 400, false],
      );
    } finally {
      await alone.close();
    }
  });

  test('mec leave removes no node that is not named', async () => {
    const [, second = ''] = cluster.urls;
    for (const [args, code, says] of [
      [
        ['leave', '--url', second],
        2,
        /the node at .* would leave for good; add its name \(n2\), or --yes/,
      ],
      [['leave', 'n9'], 1, /there is no member n9; the members are n1, n2, n3/],
      [['leave', 'n1', '--force', 'n2'], 2, /name one node/],
      [['merge', '--into', second], 2, /name one node of each cluster/],
      [['merge', '--url', cluster.urls[0] ?? '', '--into', second], 1, /of one cluster/],
    ] as const) {
      const ran = await mec(...args);
      assert.equal(ran.code, code, ran.err);
      assert.match(ran.err, says);
    }
    assert.ok((await statuses()).every(({ state }) => state === 'up'));
  });

  test('mec leave asks no node that has another name', async (t) => {
    const members = [{ name: 'n1', state: 'up', host: '127.0.0.1', httpport: 1 }];
    const other = await fakeNode(t, (response) => {
      response.end(JSON.stringify({ name: 'n2', members }));
    });
    members[0] = {
      ...(members[0] as (typeof members)[0]),
      httpport: Number(new URL(other.url).port),
    };
    const { code, err } = await mec('leave', 'n1', '--url', other.url);
    assert.equal(code, 1);
    assert.match(err, /the node at .* is n2, and not n1/);
  });

  test('mec merge makes one cluster of two', async () => {
    const [one, other] = [await startNode({ name: 'a1' }), await startNode({ name: 'b1' })];
    const namesake = await startNode({ name: 'a1' });
    try {
      const refused = await mec('merge', '--url', namesake.url, '--into', one.url);
      assert.equal(refused.code, 1);
      assert.match(refused.err, /both clusters have had a node a1/);
      const merged = await mec('merge', '--url', other.url, '--into', one.url);
      assert.deepEqual([merged.code, merged.out], [0, 'one cluster now: a1, b1\n']);
    } finally {
      for (const node of [one, other, namesake]) await node.close();
    }
  });

  test('status reports a silent node, and leave --force --json answers in JSON', async () => {
    await cluster.nodes[2]?.close();
    const { out } = await mec('status', '--timeout', '500');
    assert.match(out, /\nn3 +- +\w+ +up +256 +0 +- +- +- +- +- +no answer, silent for \d+ s\n/);
    await eventually('it is missed', async () =>
      (cluster.nodes[0] as { status: () => NodeStatus })
        .status()
        .peers.some(({ node, reach }) => node === 'n3' && reach === 'unreachable'),
    );
    let degraded = await mec('status', '--timeout', '500');
    await eventually('it is told', async () => {
      degraded = await mec('status', '--timeout', '500');
      return degraded.out.includes('under-replicated');
    });
    assert.equal(degraded.code, 1);
    assert.match(degraded.out, /\nn3 +- +unreachable +up +256 .*silent for \d+ s\n/);
    assert.match(degraded.out, /\n\ndegraded\n  node-unreachable  since 2\S+Z\n    [^\n]* n3\.\n/);
    assert.match(degraded.out, /\n  under-replicated  since .*\n.* 256 of 256 partitions\.\n/);
    const gone = await mec('leave', '--force', 'n3', '--json');
    assert.deepEqual([gone.code, gone.out], [0, '{"name":"n3","state":"gone"}\n']);
    const leaving = await mec('leave', 'n2', '--json', '--no-wait');
    assert.deepEqual([leaving.code, leaving.out], [0, '{"name":"n2","state":"leaving"}\n']);
  });

  test('mec leave names the members that the node waits for, if that lasts', async (t) => {
    const wait = { reason: 'unsettled', members: ['n1', 'n2'] } as const;
    const node = await leavingNode(t, wait, 5);
    const { code, out, err } = await mec('leave', '--yes', '--url', node.url);
    assert.deepEqual([code, out], [0, 'n3 is leaving\nn3 has left\n']);
    assert.equal(err, 'mec: n3 waits for n1, n2 to catch up\n');
  });

  test('mec leave names the owners that must take writes from a fallback', async (t) => {
    const node = await leavingNode(t, { reason: 'holds-writes', members: ['n1'] }, 5);
    const { code, err } = await mec('leave', '--yes', '--url', node.url);
    assert.deepEqual([code, err], [0, 'mec: n3 holds writes that n1 must take\n']);
  });

  test('mec leave fails if no member stays to take over', async (t) => {
    const node = await leavingNode(t, { reason: 'no-successor', members: [] }, 4);
    const { code, out, err } = await mec('leave', 'n3', '--url', node.url);
    assert.deepEqual([code, out], [1, 'n3 is leaving\n']);
    assert.equal(err, 'mec: n3 cannot leave: no member stays to take over; start another node\n');
  });
});
