/** A node serves other machines only if its configuration has the word for it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { warnIfInsecure, whyExposed } from '../../src/embed/exposure.ts';
import { INSECURE_WARNING_MS } from '../../src/embed/limits.ts';
import { startNode } from '../../src/index.ts';
import type { ServerStatus } from '../../src/http/server-status.ts';
import { ManualClock, memoryLog } from '../fixtures/fake-env.ts';
import { runMec } from '../fixtures/run-mec.ts';

const OPEN = { security: { mode: 'open', maxAgeMs: 1, requestsPerSecond: 1 } } as const;
const INSECURE = { security: { mode: 'insecure', maxAgeMs: 1, requestsPerSecond: 1 } } as const;

/** Whether other machines reach a host. */
const HOSTS: Readonly<Record<string, boolean>> = {
  '127.0.0.1': false,
  '127.255.0.9': false,
  '::1': false,
  '0:0:0:0:0:0:0:1': false,
  '::ffff:127.0.0.1': false,
  localhost: false,
  '10.0.0.1': true,
  '128.0.0.1': true,
  '203.0.113.1': true,
  '::': true,
  '::2': true,
  '::ffff:10.0.0.1': true,
  'fe80::1%lo': true,
  'fd6d:6563::1': true,
};

for (const [host, isExposed] of Object.entries(HOSTS))
  test(`an open node at ${host} ${isExposed ? 'is exposed' : 'is not'}`, async () => {
    const reason = await whyExposed({ host, ...OPEN });
    assert.equal(reason?.startsWith(`host: other machines reach ${host}, `) ?? false, isExposed);
    assert.equal(await whyExposed({ host, ...INSECURE }), undefined);
  });

test('a node does not start on an address that others reach, unless it is insecure', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mec-exposure-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'node.toml');
  // An address of documentation (RFC 5737), which no machine has.
  const host = 'name = "n1"\nhost = "203.0.113.1"\n';
  for (const [line, reason] of [
    ['', /^mec: host: other machines reach 203\.0\.113\.1, .*"127.*"insecure" in \[security\]/m],
    ['[security]\nmode = "open"\n', /^mec: host: other machines reach 203\.0\.113\.1, /m],
    [
      '[security]\nmode = "on"\n',
      /^mec: security\.mode: "on", but .* has no keys; make them with /m,
    ],
    [
      '[security]\nmode = "off"\n',
      /node\.toml:4: security\.mode: expected "open" or "insecure" or /,
    ],
    ['[security]\nmodus = "insecure"\n', /security\.modus: unknown key; did you mean "mode"\?/],
    ['[security]\nmode = "insecure"\n', /^mec: Cannot listen on tcp:\/\/203\.0\.113\.1:7000: /m],
  ] as const) {
    await writeFile(file, `${host}${line}`);
    const { code, err } = await runMec(['--config', file]);
    assert.equal(code, 2, err);
    assert.match(err, reason);
    assert.equal(existsSync(join(directory, 'mec-data')), reason.source.includes('Cannot'), line);
  }
  await assert.rejects(
    startNode({ host: '203.0.113.1', port: 7000, httpport: 7002 }),
    /^StartError: host: other machines reach /,
  );
});

test('an insecure node says so in its log and its status', async (t) => {
  const log = memoryLog();
  const insecure = await startNode({ log, security: { mode: 'insecure' } });
  t.after(() => insecure.close());
  assert.ok(log.lines.includes('warn no port needs credentials'), log.lines.join('\n'));
  const statusOf = async (url: string): Promise<ServerStatus> =>
    (await (await fetch(`${url}/status`)).json()) as ServerStatus;
  assert.equal((await statusOf(insecure.url)).security, 'insecure');
  const { out } = await runMec(['status', '--url', insecure.url]);
  assert.match(out, new RegExp(`^${insecure.name} .* insecure$`, 'm'));

  const quiet = memoryLog();
  const open = await startNode({ log: quiet });
  t.after(() => open.close());
  assert.equal((await statusOf(open.url)).security, 'open');
  assert.ok(!quiet.lines.some((line) => line.includes('credentials')), quiet.lines.join('\n'));
});

test('an insecure node warns each hour, until it stops', () => {
  const clock = new ManualClock();
  const log = memoryLog();
  const warning = warnIfInsecure({ host: '10.0.0.1', ...INSECURE }, { clock, log });
  for (const lines of [1, 2, 3]) {
    assert.equal(log.lines.length, lines);
    clock.advance(INSECURE_WARNING_MS - 1);
    assert.equal(log.lines.length, lines);
    clock.advance(1);
  }
  warning?.cancel();
  clock.advance(INSECURE_WARNING_MS);
  assert.equal(log.lines.length, 4);
  assert.equal(warnIfInsecure({ host: '127.0.0.1', ...OPEN }, { clock, log }), undefined);
});
