/**
 * The commands `mec get`, `put`, `delete`, `list`, `resolve`, `export`, `import` and `completion`:
 * their output and exit codes.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bytes, MecClient, text } from '../../src/client/index.ts';
import { type EmbeddedCluster, startCluster } from '../../src/index.ts';
import { LAUNCHER } from '../fixtures/cluster.ts';
import { type MecResult, runMec } from '../fixtures/run-mec.ts';
import { deadUrl, fakeNode, problem } from '../fixtures/fake-node.ts';

let cluster: EmbeddedCluster;
let directory: string;
let keys = 0;
const freshKey = (): string => `cli-${keys++}`;

/** Runs `mec` with arguments, against the cluster unless `env` has another MEC_URL. */
const mec = (
  args: readonly string[],
  { input = '', env = {} }: { input?: string | Uint8Array; env?: Record<string, string> } = {},
): Promise<MecResult> => runMec(args, { input, env: { MEC_URL: cluster.urls.join(','), ...env } });

async function siblings(key: string, ...values: readonly string[]): Promise<void> {
  const client = new MecClient(cluster.urls, { codec: text });
  for (const value of values) await client.put(key, value);
}

describe('the command line', () => {
  before(async () => {
    cluster = await startCluster();
    directory = await mkdtemp(join(tmpdir(), 'mec-commands-'));
  });
  after(async () => {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('put and get preserve every byte of arguments, files and stdin', async () => {
    const key = freshKey();
    assert.deepEqual(await mec(['put', key, 'héllo']), { code: 0, out: '', err: '' });
    assert.deepEqual(await mec(['get', key]), { code: 0, out: 'héllo', err: '' });
    const file = join(directory, 'value.json');
    await writeFile(file, '{"a": 1}\n');
    await mec([
      'put',
      key,
      `@${file}`,
      '--replace',
      '--meta',
      'a=1',
      '--meta',
      'b=x=y',
      '--ttl',
      '1000',
    ]);
    const read = JSON.parse((await mec(['get', key, '--json'])).out) as Record<string, unknown>;
    assert.deepEqual(
      [read['kind'], read['contentType'], read['encoding'], read['value']],
      ['value', 'application/json', 'utf8', '{"a": 1}\n'],
    );
    assert.deepEqual(read['meta'], { a: '1', b: 'x=y' });
    assert.match(String(read['expires']), / GMT$/);
    const raw = Uint8Array.from({ length: 256 }, (_, i) => i);
    await mec(['put', key, '-', '--replace'], { input: raw });
    const stored = await new MecClient(cluster.urls, { codec: bytes }).get(key);
    assert.ok(stored.kind === 'value');
    assert.deepEqual(Buffer.from(stored.value), Buffer.from(raw));
    await mec(['put', key, '@@home', '--replace']);
    assert.equal((await mec(['get', key])).out, '@home');
  });

  test('put --replace leaves one value, whatever was there', async () => {
    const key = freshKey();
    for (const value of ['a', 'b']) await mec(['put', key, value]);
    assert.deepEqual(await mec(['put', key, 'c', '--replace']), { code: 0, out: '', err: '' });
    assert.equal((await mec(['get', key])).out, 'c');
    const both = await mec(['put', key, 'd', '--replace', '--vclock', 'dG9rZW4=']);
    assert.deepEqual([both.code, both.out], [2, '']);
    assert.match(both.err, /use --replace or --vclock/);
  });

  test('each failure has its exit code and one line of advice', async (t) => {
    const key = freshKey();
    assert.deepEqual(await mec(['get', key]), {
      code: 3,
      out: '',
      err: `mec: there is no value under ${key}\n`,
    });
    assert.equal((await mec(['delete', key])).code, 3);
    await siblings(key, 'a', 'b');
    const both = await mec(['get', key]);
    assert.deepEqual([both.code, both.out], [4, '']);
    assert.match(both.err, /^mec: .* has 2 values; .*mec resolve.*\n$/);
    const unreachable = await mec(['get', key, '--timeout', '9000'], {
      env: { MEC_URL: await deadUrl() },
    });
    assert.equal(unreachable.code, 5);
    assert.match(unreachable.err, /^mec: No node listens at .*--url or MEC_URL.*\n$/);
    const short = await fakeNode(t, problem(503, 'quorum-not-met', { have: 1, need: 2 }));
    const json = await mec(['put', key, 'x', '--json', '--timeout', '200', '--url', short.url]);
    assert.equal(json.code, 5);
    const { error } = JSON.parse(json.err) as { error: Record<string, unknown> };
    assert.deepEqual(
      [error['code'], error['have'], error['need'], error['mayTakeEffect']],
      ['quorum-not-met', 1, 2, true],
    );
    const detail = '1 of 2 replicas can be reached. Nothing was written.';
    const refuses = await fakeNode(
      t,
      problem(503, 'quorum-not-met', { detail, mayTakeEffect: false, retryAfter: 60 }),
    );
    const { err } = await mec(['put', key, 'x', '--timeout', '5000', '--url', refuses.url]);
    assert.match(err, /^mec: .*Nothing was written; try again/);
    const unsure = await mec(['put', key, 'x', '--timeout', '200', '--url', short.url]);
    assert.match(unsure.err, /^mec: .*; the command may have taken effect; try again/);
    const usage: [string[], RegExp][] = [
      [['get'], /missing required argument 'key'/],
      [['get', key, '--r', 'many'], /Expected a whole number from 1 to 9/],
      [['get', key, '--url', 'nonsense'], /not the URL of a node/],
      [['put', key], /the value is missing; .* - for stdin/],
      [['put', key, '@/no/such/file'], /the file cannot be read/],
      [['put', key, 'x', '--meta', 'nonsense'], /Expected NAME=VALUE/],
      [['leave'], /name the node that should leave: mec leave NAME/],
      [['import', '--existing', 'burn'], /Expected one of beside, skip, replace/],
    ];
    for (const [args, says] of usage) {
      const ran = await mec(args);
      assert.equal(ran.code, 2, args.join(' '));
      assert.match(ran.err, says);
      assert.match(ran.err, /^mec: [^\n]+\n$/);
    }
    const refused = await mec(['put', key, 'x', '--vclock', 'garbage']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /token.*mec get KEY --json/);
  });

  test('a wrong port is told soon, although the usual time limit is 10 s', async () => {
    const env = { MEC_URL: `${await deadUrl()},${await deadUrl()}` };
    const timed = async (args: readonly string[], code: number): Promise<number> => {
      const startMs = performance.now();
      assert.equal((await mec(args, { env })).code, code);
      return performance.now() - startMs;
    };
    // The client gives up after a second. The program itself may be slow, because other tests keep
    // the machine busy.
    const startMs = await timed(['--version'], 0);
    for (const args of [['get', 'k'], ['put', 'k', 'v'], ['list']])
      assert.ok((await timed(args, 5)) - startMs < 5_000, args.join(' '));
  });

  test('--r and --w reach the node from every command that reads or writes keys', async () => {
    const key = freshKey();
    assert.equal((await mec(['put', key, 'x', '--w', 'all'])).code, 0);
    const both = freshKey();
    await siblings(both, 'a', 'b');
    const line = `${JSON.stringify({ key, versions: [{ contentType: 'a/b', encoding: 'utf8', value: 'z' }] })}\n`;
    for (const args of [
      ['get', key, '--r', '4'],
      ['put', key, 'y', '--w', '4'],
      ['put', key, 'y', '--replace', '--r', '4'],
      ['delete', key, '--r', '4'],
      ['delete', key, '--w', '4'],
      ['list', key, '--r', '4'],
      ['export', key, '--r', '4'],
      ['import', '--r', '4'],
      ['import', '--w', '4'],
      ['resolve', both, '--r', '4'],
      ['resolve', both, '--take', '1', '--w', '4'],
    ]) {
      const ran = await mec(args, { input: line });
      assert.equal(ran.code, 1, args.join(' '));
      assert.match(ran.err, /The parameter [rw] must be a number from 1 to n/);
    }
    assert.equal((await mec(['get', key])).out, 'x');
    assert.equal((await mec(['list', key, '--r', '1'])).out, `${key}\n`);
    assert.equal((await mec(['delete', key, '--w', 'all'])).code, 0);
  });

  test('writes with a token file replace each other, and writes without become siblings', async () => {
    const key = freshKey();
    const tokenFile = ['--token-file', join(directory, 'token')];
    for (const value of ['1', '2', '3'])
      assert.equal((await mec(['put', key, value, ...tokenFile])).err, '');
    assert.equal((await mec(['get', key, ...tokenFile])).out, '3');
    const blind = await mec(['put', key, '4']);
    assert.equal(blind.code, 0);
    assert.match(blind.err, /has 2 values now/);
    const { token } = JSON.parse((await mec(['get', key, '--json'])).out) as { token: string };
    assert.equal((await mec(['put', key, '5', '--vclock', token])).err, '');
    assert.equal((await mec(['get', key])).out, '5');
    assert.equal((await mec(['delete', key])).code, 0);
    assert.equal((await mec(['get', key])).code, 3);
  });

  test('a token file that has something else is neither overwritten nor used', async () => {
    const key = freshKey();
    const notes = join(directory, 'notes.txt');
    await writeFile(notes, 'keep');
    for (const args of [
      ['get', key],
      ['put', key, 'x'],
      ['put', key, 'x', '--vclock', 'garbage'],
      ['delete', key],
    ]) {
      const ran = await mec([...args, '--token-file', notes]);
      assert.equal(ran.code, 2, args.join(' '));
      assert.match(ran.err, /^mec: .*notes\.txt has something else than a token; choose another/);
      assert.equal(await readFile(notes, 'utf8'), 'keep');
    }
    assert.equal((await mec(['get', key])).code, 3, 'nothing was written');
    assert.equal((await mec(['put', key, 'x', '--token-file', '/dev/null'])).code, 0);
    const other = join(directory, 'token-of-another-key');
    assert.equal((await mec(['put', freshKey(), 'x', '--token-file', other])).code, 0);
    assert.equal((await mec(['get', key, '--token-file', other])).code, 0);
    assert.equal((await mec(['put', key, 'y', '--token-file', other])).err, '');
  });

  test('list prints the keys with a prefix in order, and ends when its reader does', async () => {
    const client = new MecClient(cluster.urls, { codec: text });
    const names = Array.from({ length: 12 }, (_, i) => `list/${String(i).padStart(2, '0')}`);
    await Promise.all(['list/x\ny', ...names].map((name) => client.put(name, 'v')));
    assert.equal(
      (await mec(['list', 'list/0'])).out,
      names
        .slice(0, 10)
        .map((name) => `${name}\n`)
        .join(''),
    );
    assert.equal(
      (await mec(['list', 'list/', '--after', 'list/09', '--limit', '2'])).out,
      'list/10\nlist/11\n',
    );
    assert.equal((await mec(['list', 'list/x'])).out, '"list/x\\ny"\n');
    assert.equal((await mec(['list', 'list/x', '--json'])).out, '{"key":"list/x\\ny"}\n');
    const head = await promisify(execFile)('sh', [
      '-c',
      `"${process.execPath}" "${LAUNCHER}" list --url ${cluster.urls[0]} | head -1`,
    ]);
    assert.match(head.stdout, /^\S+\n$/);
    assert.equal(head.stderr, '');
  });

  test('resolve replaces siblings by one of them, a new value, or the edited text', async () => {
    const key = freshKey();
    await siblings(key, 'milk', 'bread\nbutter');
    const shown = await mec(['resolve', key]);
    assert.equal(shown.code, 4);
    assert.match(
      shown.out,
      /^\[1\] +\[2\]\ndot +n\d~\w{10}:\d+ +dot +n\d~\w{10}:\d+\ntime +\d{4}-.*Z +time .*Z\nauthor .*\n/,
    );
    assert.match(shown.out, /\nbread +milk\nbutter\n/);
    const dot = /dot +(\S+)/.exec(shown.out)?.[1] ?? '';
    for (const which of ['0', '3', 'n', 'x'])
      assert.equal((await mec(['resolve', key, '--take', which])).code, 2, which);
    const taken = await mec(['resolve', key, '--take', dot]);
    assert.deepEqual([taken.code, taken.err], [0, `mec: ${key} has one value now\n`]);
    assert.equal((await mec(['get', key])).out, 'bread\nbutter');
    assert.match((await mec(['resolve', key])).err, /nothing to resolve/);

    await siblings(key, 'eggs');
    assert.equal((await mec(['resolve', key, '--take', '2'])).code, 0);
    assert.equal((await mec(['get', key])).out, 'bread\nbutter');
    await siblings(key, 'flour');
    assert.equal((await mec(['resolve', key, '--value', 'all of it'])).code, 0);
    assert.equal((await mec(['get', key])).out, 'all of it');

    await siblings(key, 'last');
    const lazy = await mec(['resolve', key, '--edit'], { env: { EDITOR: 'true', VISUAL: '' } });
    assert.equal(lazy.code, 4);
    assert.match(lazy.err, /nothing was written/);
    const script = join(directory, 'editor.sh');
    await writeFile(script, 'grep -v "^<<<<<<< " "$1" > "$1.new"; mv "$1.new" "$1"\n');
    assert.equal(
      (await mec(['resolve', key, '--edit'], { env: { EDITOR: `sh ${script}`, VISUAL: '' } })).code,
      0,
    );
    assert.equal((await mec(['get', key])).out, 'last\nall of it\n');
    const json = await mec(['resolve', freshKey(), '--json']);
    assert.equal(json.code, 3);
    assert.equal((JSON.parse(json.err) as { error: { code: string } }).error.code, 'missing');
  });

  test('a value with a Content-Encoding is stored, exported and imported unchanged', async () => {
    const key = freshKey();
    const zipped = gzipSync('page');
    const put = [
      'put',
      key,
      '-',
      '--type',
      'text/html',
      '--encoding',
      'gzip',
      '--ttl',
      '900',
      '--meta',
      'by=ann',
    ];
    assert.equal((await mec(put, { input: zipped })).code, 0);
    const file = join(directory, 'page.gz');
    await promisify(execFile)('sh', [
      '-c',
      `"${process.execPath}" "${LAUNCHER}" get ${key} --url ${cluster.urls[0]} > ${file}`,
    ]);
    assert.deepEqual(await readFile(file), zipped);
    await siblings(key, 'other');
    const [number = ''] =
      /\d(?=\] *$)/m.exec((await mec(['resolve', key])).out.split('\n')[0] ?? '') ?? [];
    assert.equal((await mec(['resolve', key, '--take', number])).code, 0);
    const kept = JSON.parse((await mec(['get', key, '--json'])).out) as Record<string, unknown>;
    assert.deepEqual(
      [kept['contentType'], kept['contentEncoding'], kept['encoding'], kept['value'], kept['meta']],
      ['text/html', 'gzip', 'base64', zipped.toString('base64'), { by: 'ann' }],
    );
    assert.match(String(kept['expires']), / GMT$/, 'and keeps its expiry');
  });

  test('export and import copy every value once, even if they run again', async () => {
    const other = await startCluster({ nodes: 1 });
    try {
      const from = new MecClient(cluster.urls, { codec: bytes });
      for (let i = 0; i < 40; i++)
        await from.put(`move/${String(i).padStart(2, '0')}`, Buffer.from(`value ${i}`), {
          meta: { n: String(i) },
        });
      await from.put('move/03', Uint8Array.of(0xff, 0), { contentType: 'image/x' });
      await from.put('move/06', gzipSync('zipped'), { contentEncoding: 'gzip', clientId: 'ann' });
      await from.put('move/04', Buffer.from('{"a":[1,"x"]}'), {
        contentType: 'application/json',
        ttlSeconds: 500,
      });
      const file = join(directory, 'export.ndjson');
      const first = await mec(['export', 'move/', '--out', file]);
      assert.deepEqual([first.code, first.err], [0, `mec: 40 keys written to ${file}\n`]);
      const whole = await readFile(file, 'utf8');
      assert.equal((await mec(['export', 'move/'])).out, whole);

      // As if the export had been killed in the middle of a line.
      await writeFile(file, whole.slice(0, Math.floor(whole.length / 2)));
      assert.equal((await mec(['export', 'move/', '--out', file])).code, 0);
      assert.equal(await readFile(file, 'utf8'), whole);

      const to = { env: { MEC_URL: other.urls[0] as string } };
      assert.equal(
        (await mec(['import', file], to)).err,
        'mec: 43 values written, 0 skipped, 40 keys\n',
      );
      assert.equal(
        (await mec(['import', file], to)).err,
        'mec: 0 values written, 43 skipped, 40 keys\n',
      );
      const there = new MecClient(other.urls, { codec: bytes });
      for (const key of ['move/03', 'move/04', 'move/06', 'move/39']) {
        const [a, b] = [await from.get(key), await there.get(key)];
        const plain = (read: typeof a): unknown =>
          (read.kind === 'siblings' ? read.siblings : [read as never])
            .map(({ value, contentType, contentEncoding, meta, clientId }) =>
              JSON.stringify([
                Buffer.from(value).toString('hex'),
                contentType,
                contentEncoding,
                meta,
                clientId ?? 'mec',
              ]),
            )
            .toSorted();
        assert.deepEqual(plain(b), plain(a), key);
      }

      const { token } = await there.get('move/05');
      await there.put('move/05', Buffer.from('mine'), token === undefined ? {} : { token });
      const line = whole
        .split('\n')
        .filter((one) => one.includes('"move/05"'))
        .join('');
      const again = (existing: string): Promise<MecResult> =>
        mec(['import', '--existing', existing], { ...to, input: line });
      assert.match((await again('skip')).err, /^mec: 0 values written, 1 skipped/);
      assert.match((await again('beside')).err, /^mec: 1 value written, 0 skipped, 1 key\n$/);
      assert.equal((await there.get('move/05')).kind, 'siblings');
      assert.match((await again('beside')).err, /^mec: 0 values written/);

      const bad = await mec(['import'], { ...to, input: `${line}\n{"key":"x"}\n` });
      assert.equal(bad.code, 1);
      assert.match(bad.err, /^mec: line 2: not a line of an export; .*\n$/);
      assert.equal(
        (await mec(['export', '--out', LAUNCHER])).code,
        2,
        'a file that is not an export stays unchanged',
      );
      assert.match(await readFile(LAUNCHER, 'utf8'), /^#!/);
    } finally {
      await other.close();
    }
  });

  test('completion prints a valid script with every command and option', async (t) => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await mec(['completion', shell]);
      assert.equal(code, 0);
      for (const word of ['resolve', 'locate', 'ring', 'token-file', 'completion', 'httpport'])
        assert.ok(out.includes(word), `${shell}: ${word}`);
    }
    assert.equal((await mec(['completion', 'tcsh'])).code, 2);
    const ask = `eval "$("${process.execPath}" "${LAUNCHER}" completion bash)"
      COMP_WORDS=(mec get --tok); COMP_CWORD=2; _mec; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(mec res); COMP_CWORD=1; _mec; echo "\${COMPREPLY[@]}"`;
    const completed = await promisify(execFile)('bash', ['-c', ask]).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        t.skip('bash is not installed');
      },
    );
    if (completed !== undefined) assert.equal(completed.stdout, '--token-file\nresolve\n');
  });

  test('get takes less than 150 ms more processor time than an empty program', async (t) => {
    const key = freshKey();
    await siblings(key, 'warm');
    // The least processor time of a few runs, because other tests may keep the machine busy.
    const timed = async (command: string): Promise<number> => {
      const script = `TIMEFORMAT='%U %S'; time ${command} > /dev/null`;
      const env = { ...process.env, MEC_URL: cluster.urls.join(',') };
      const { stderr } = await promisify(execFile)('bash', ['-c', script], { env });
      const [user, system] = stderr.trim().split(' ').map(Number) as [number, number];
      return 1000 * (user + system);
    };
    const least = { get: Infinity, empty: Infinity };
    for (let i = 0; i < 5; i++) {
      least.empty = Math.min(least.empty, await timed(`'${process.execPath}' -e 0`));
      least.get = Math.min(
        least.get,
        await timed(`'${process.execPath}' '${LAUNCHER}' get ${key}`),
      );
    }
    t.diagnostic(`${Math.round(least.get)} ms against ${Math.round(least.empty)} ms`);
    assert.ok(least.get - least.empty < 150, `${least.get} ms against ${least.empty} ms`);
  });
});
