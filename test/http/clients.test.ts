/** Other HTTP clients against a real cluster: Python's http.client and email parser, and curl. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { TestCluster } from '../fixtures/cluster.ts';

const run = promisify(execFile);

const isThere = (command: string): Promise<boolean> =>
  run(command, ['--version']).then(
    () => true,
    () => false,
  );

const noPython = (await isThere('python3')) ? false : 'python3 is not installed';
const noCurl = (await isThere('curl')) ? false : 'curl is not installed';

/** Writes siblings, reads them back and parses the answer, with Python's own library alone. */
const PYTHON = `
import email, hashlib, http.client, json, random, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
random.seed(7)
def ask(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection('127.0.0.1', port)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    answer = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return answer
awkward = [b'', b'\\r\\n', b'\\n', b'\\r', b'--', b'\\r\\n--mec-', b'\\x00', b'a\\r\\n\\r\\n', b'\\r\\n\\r\\nb']
awkward.append(bytes(range(256)))
bodies = awkward + [random.randbytes(random.randrange(2000)) for _ in range(count - len(awkward))]
for i, body in enumerate(bodies):
    headers = {'Content-Type': 'application/octet-stream', 'X-Mec-Meta-Index': str(i)}
    status, _, text = ask('PUT', '/mec/python', body, headers)
    assert status == 200, text
status, headers, body = ask('GET', '/mec/python')
assert status == 300 and int(headers['Content-Length']) == len(body)
message = email.message_from_bytes(b'Content-Type: ' + headers['Content-Type'].encode() + b'\\r\\n\\r\\n' + body)
assert message.is_multipart() and message.defects == [] and message.preamble is None and not message.epilogue
parts = message.get_payload()
for part in parts:
    assert part.defects == [] and part['ETag'] and part['Last-Modified'] and part['X-Mec-Timestamp']
    assert part.get_payload(decode=True) == bodies[int(part['X-Mec-Meta-Index'])], part['X-Mec-Meta-Index']
status, headers, body = ask('GET', '/mec/python', headers={'Accept': 'application/json'})
siblings = json.loads(body)['siblings']
status, _, _ = ask('PUT', '/mec/python', b'merged', {'X-Mec-Vclock': headers['X-Mec-Vclock']})
status, _, body = ask('GET', '/mec/python')
print(json.dumps({'parts': len(parts), 'different': len({part['X-Mec-Meta-Index'] for part in parts}),
    'siblings': len(siblings), 'status': status, 'merged': body.decode()}))
`;

test(
  "Python's email parser reads a hundred binary siblings of a 300 exactly",
  { skip: noPython },
  async (t) => {
    const cluster = await TestCluster.start(t);
    const { stdout } = await run('python3', [
      '-c',
      PYTHON,
      String(cluster.node(0).httpport),
      '100',
    ]);
    assert.deepEqual(JSON.parse(stdout), {
      parts: 100,
      different: 100,
      siblings: 100,
      status: 200,
      merged: 'merged',
    });
  },
);

test('curl uploads, resumes downloads and sends conditions', { skip: noCurl }, async (t) => {
  const cluster = await TestCluster.start(t);
  const directory = await mkdtemp(join(tmpdir(), 'mec-curl-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = (name: string): string => join(directory, name);
  const url = `${cluster.node(0).url}/mec/curl`;
  const curl = async (...parameters: string[]): Promise<string> =>
    (await run('curl', ['-sS', '-w', '%{http_code}', '-o', file('out'), ...parameters])).stdout;
  const value = Buffer.from(
    Array.from({ length: 1024 * 1024 }, (_, i) => (i * 31 + (i >> 9)) & 255),
  );
  await writeFile(file('value'), value);
  const digest = `Content-Digest: sha-256=:${createHash('sha256').update(value).digest('base64')}:`;
  assert.equal(
    await curl('-T', file('value'), '-H', 'Expect: 100-continue', '-H', digest, url),
    '200',
  );
  assert.equal(await curl(url), '200');
  assert.ok((await readFile(file('out'))).equals(value));
  assert.equal(await curl('-r', '1000-1999', url), '206');
  assert.ok((await readFile(file('out'))).equals(value.subarray(1000, 2000)));
  await writeFile(file('part'), value.subarray(0, 5_000));
  assert.equal(
    (await run('curl', ['-sS', '-C', '-', '-o', file('part'), '-w', '%{http_code}', url])).stdout,
    '206',
  );
  assert.ok((await readFile(file('part'))).equals(value), 'a download is resumed');
  assert.equal(await curl('--etag-save', file('tag'), url), '200');
  assert.equal(await curl('--etag-compare', file('tag'), url), '304');
  const tag = (await readFile(file('tag'), 'utf8')).trim();
  assert.equal(
    await curl(
      '-T',
      file('part'),
      '-H',
      'Transfer-Encoding: chunked',
      '-H',
      `If-Match: ${tag}`,
      url,
    ),
    '200',
  );
  assert.equal(await curl('-X', 'DELETE', '-H', `If-Match: ${tag}`, url), '412');
  assert.equal(await curl('--http1.0', '-I', url), '200');
  assert.equal(await curl('-X', 'DELETE', url), '204');
  assert.equal(await curl('--http1.0', url), '404');
});
