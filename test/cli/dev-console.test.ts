/** The console of `mec dev`, through the launcher. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServerStatus } from '../../src/http/server-status.ts';
import { eventually, freePorts, pause } from '../fixtures/cluster.ts';
import { Dev, LONG_MS, makeDirectory } from '../fixtures/dev.ts';
import { send } from '../fixtures/http.ts';

const answers = (url: string): Promise<boolean> =>
  send(url).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Whether a node is ready and reaches another. */
async function reaches(statusUrl: string, other: string): Promise<boolean> {
  const { isReady, peers } = JSON.parse((await send(statusUrl)).text) as ServerStatus;
  return isReady && peers.some(({ node, reach }) => node === other && reach === 'reachable');
}

test('the console stops, kills, pauses and restarts nodes, and explains each refusal in one line', async (t) => {
  const dev = new Dev(t, await freePorts(440), '--data', await makeDirectory(t));
  await dev.banner();
  await dev.type('status', /node +zone +reach +state.*\nn1 .* up .*\nn2 .* up .*\nn3 .* up .*\n/);
  assert.equal((await send(dev.url(1, '/mec/k'), { method: 'PUT', body: 'v' })).status, 200);

  await dev.type('stop n2', /^n2 has stopped$/m);
  assert.equal(await answers(dev.url(2, '/ping')), false);
  assert.equal((await send(dev.url(3, '/mec/k'))).text, 'v');
  await dev.type('stop n2', /^mec: n2 is not running; start it with "start n2"$/m);
  await dev.type('start n2', /^n2 serves at http/m);
  await dev.type('start n2', /^mec: n2 is already running$/m);

  await dev.type('kill n2', /^n2 was killed$/m);
  await dev.type('start n2', /^n2 serves at http/m);
  assert.equal((await send(dev.url(2, '/mec/k'))).text, 'v');

  await dev.type('resume n3', /^mec: n3 is not paused$/m);
  // Without n3, the other two must reach each other.
  for (const [node, other] of [
    [1, 'n2'],
    [2, 'n1'],
  ] as const)
    await eventually(`n${node} reaches ${other}`, () => reaches(dev.url(node, '/status'), other));
  await dev.type('pause n3', /^n3 is paused$/m);
  assert.equal(
    await Promise.race([answers(dev.url(3, '/ping')), pause(300).then(() => 'nothing')]),
    'nothing',
  );
  assert.equal((await send(dev.url(1, '/mec/k'))).text, 'v');
  await dev.type('leave n3', /^mec: n3 is paused; resume it with "resume n3"$/m);
  await dev.type('resume n3', /^n3 has resumed$/m);
  await eventually('n3 answers', () => answers(dev.url(3, '/ping')));

  await dev.type('help', /status .*\n(.*\n)+ +quit /);
  await dev.type('explode', /^mec: unknown command "explode"; see help$/m);
  await dev.type('constructor', /^mec: unknown command "constructor"; see help$/m);
  await dev.type('stop', /^mec: expected "stop n2"$/m);
  await dev.type('stop n9', /^mec: unknown node "n9"; the nodes are n1, n2, n3$/m);
  // A paused node must not keep the others from ending.
  await dev.type('pause n1', /^n1 is paused$/m);
  await dev.type('quit', /^all nodes have stopped$/m);
  assert.equal(await dev.exit, 0, dev.output);
});

test('the next run of mec dev knows the nodes that have joined and left', async (t) => {
  const data = await makeDirectory(t);
  const dev = new Dev(t, await freePorts(440), '--data', data);
  await dev.banner();
  for (let i = 0; i < 50; i++)
    assert.equal(
      (await send(dev.url(1, `/mec/k${i}`), { method: 'PUT', body: `v${i}` })).status,
      200,
    );
  await dev.type('add', /^n4 serves at http/m);
  await eventually('n4 is up', () => answers(dev.url(4, '/ready')), LONG_MS);
  await dev.type('leave n2', /^n2 is leaving$/m);
  await dev.says(/^n2 has left the cluster$/m);
  await dev.type(
    'start n2',
    /^mec: n2 has left the cluster permanently; "add" starts a new node$/m,
  );
  for (let i = 0; i < 50; i++) assert.equal((await send(dev.url(4, `/mec/k${i}`))).text, `v${i}`);
  // The end of a script does not end the cluster.
  dev.endOfInput();
  assert.ok(await answers(dev.url(1, '/ping')));
  dev.signal('SIGINT');
  assert.equal(await dev.exit, 0, dev.output);
  assert.deepEqual(JSON.parse(await readFile(join(data, 'cluster.json'), 'utf8')), {
    members: ['n1', 'n3', 'n4'],
    left: ['n2'],
    isSecured: false,
  });

  const fewer = new Dev(t, await freePorts(440), '--data', data, '--nodes', '2');
  await fewer.says(/^mec: .* holds 3 nodes \(n1, n3, n4\), more than 2\. .*leave n4.*--fresh$/m);
  assert.equal(await fewer.exit, 2);

  const moved = new Dev(t, await freePorts(440), '--data', data, '--nodes', '4');
  await moved.says(/ n1 .*\n +n3 .*\n +n4 .*\n +n5 .* \(joins\)$/m);
  await moved.banner();
  await eventually('n5 is up', () => answers(moved.url(5, '/ready')), LONG_MS);
  for (const node of [1, 3, 4, 5])
    for (let i = 0; i < 50; i++)
      assert.equal((await send(moved.url(node, `/mec/k${i}`))).text, `v${i}`);
  await moved.type('quit', /stopped/);
  assert.equal(await moved.exit, 0, moved.output);
});

test('mec dev starts seven nodes without a console', async (t) => {
  const dev = new Dev(t, await freePorts(440), '--data', await makeDirectory(t), '--nodes', '7');
  dev.endOfInput();
  await dev.banner();
  assert.equal((await send(dev.url(7, '/mec/k'), { method: 'PUT', body: 'v' })).status, 200);
  assert.equal((await send(dev.url(4, '/mec/k'))).text, 'v');
});

test('mec dev refuses an invalid list of nodes and leaves it unchanged', async (t) => {
  const data = await makeDirectory(t);
  await writeFile(join(data, 'cluster.json'), '{"members":["../n1"]}');
  const dev = new Dev(t, await freePorts(440), '--data', data, '--fresh');
  await dev.says(/^mec: .*cluster\.json is not a list of nodes/m);
  assert.equal(await dev.exit, 2);
});
