import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartError } from '../../src/base/errors.ts';
import { DEFAULT_IDENTITY_RATE, DEFAULT_SECURITY_MAX_AGE_MS } from '../../src/cluster/limits.ts';
import { parseConfig } from '../../src/config/read.ts';

const SEED = `
name = "apple-juice-93"
port = 7000
httpport = 3000
root = "/path/to/leveldb/root/directory"

[[node]]
host = "127.0.0.1"
port = 8000

[[node]]
host = "localhost"
port = 9000
`;

test('parseConfig reads the configuration format of the first MecDB', () => {
  assert.deepEqual(parseConfig('node.toml', SEED), {
    name: 'apple-juice-93',
    cluster: undefined,
    host: '127.0.0.1',
    port: 7000,
    httpport: 3000,
    root: '/path/to/leveldb/root/directory',
    zone: undefined,
    weight: 1,
    nodes: [
      { host: '127.0.0.1', port: 8000 },
      { host: '127.0.0.1', port: 9000 },
    ],
    quorum: { n: 3, r: 'quorum', w: 'quorum', timeoutMs: 5000 },
    storage: { sync: true, masterKeyFile: undefined, masterKeyCommand: undefined },
    security: {
      mode: 'open',
      maxAgeMs: DEFAULT_SECURITY_MAX_AGE_MS,
      requestsPerSecond: DEFAULT_IDENTITY_RATE,
      bytesPerSecond: undefined,
    },
    http: {
      maxValueBytes: 1024 * 1024,
      origins: [],
      hosts: [],
      proxies: [],
      unsignedTokens: true,
      ui: true,
    },
    log: { format: 'text', level: 'info', slowMs: 250, keys: false },
    policies: [],
  });
});

test('an empty file yields every default', () => {
  const config = parseConfig('node.toml', '');
  assert.equal(config.name, undefined);
  assert.deepEqual(
    [config.port, config.httpport, config.root, config.nodes],
    [7000, 3000, 'mec-data', []],
  );
});

test('every setting can be changed', () => {
  const config = parseConfig(
    'x',
    'zone = "rack-1"\nweight = 2.5\n[quorum]\nn = 5\nr = 1\nw = "all"\ntimeout = "250ms"\n' +
      '[storage]\nsync = false\n[http]\nmaxvalue = "16MiB"\n' +
      'origins = ["https://a.example", "http://localhost:8080"]\n' +
      'hosts = ["db.example", "mec_1", "*"]\nproxies = ["10.0.0.7", "10.1.0.0/16", "fd00::/8"]',
  );
  assert.deepEqual(config.quorum, { n: 5, r: 1, w: 'all', timeoutMs: 250 });
  assert.equal(config.storage.sync, false);
  assert.deepEqual([config.zone, config.weight], ['rack-1', 2.5]);
  assert.equal(config.http.maxValueBytes, 16 * 1024 * 1024);
  assert.deepEqual(config.http.origins, ['https://a.example', 'http://localhost:8080']);
  assert.deepEqual(config.http.hosts, ['db.example', 'mec_1', '*']);
  assert.deepEqual(config.http.proxies, ['10.0.0.7', '10.1.0.0/16', 'fd00::/8']);
});

test('a policy leaves settings that it does not name undefined', () => {
  const { policies } = parseConfig(
    'x',
    '[[policy]]\nprefix = "session:"\nsiblings = "last-write-wins"\nttl = "30m"\n' +
      'n = 3\nr = 1\nw = "all"\nmaxvalue = "4KiB"\n[[policy]]\nprefix = "x"',
  );
  assert.deepEqual(policies, [
    {
      prefix: 'session:',
      siblings: 'last-write-wins',
      ttlMs: 1_800_000,
      r: 1,
      w: 'all',
      maxValueBytes: 4096,
    },
    {
      prefix: 'x',
      siblings: 'keep',
      ttlMs: undefined,
      r: undefined,
      w: undefined,
      maxValueBytes: undefined,
    },
  ]);
});

const MISTAKES: readonly [text: string, complaint: string][] = [
  ['nmae = "x"', 'f.toml:1: nmae: unknown key; did you mean "name"?'],
  ['\nhttpprot = 1', 'f.toml:2: httpprot: unknown key; did you mean "httpport"?'],
  ['hostname = "x"', 'f.toml:1: hostname: unknown key; did you mean "host"?'],
  ['[quorum]\nR = 2', 'f.toml:2: quorum.R: unknown key; did you mean "r"?'],
  ['[qourum]', 'f.toml:1: qourum: unknown key; did you mean "quorum"?'],
  ['[http]\nport = 80', 'f.toml:2: http.port: unknown key; did you mean "httpport"?'],
  ['[[nodes]]\nport = 1', 'f.toml:1: nodes: unknown key; did you mean "node"?'],
  [
    'port = "7000"',
    'f.toml:1: port: expected a port from 1 to 65534 (port + 1 is used as well), got "7000"',
  ],
  [
    'port = 65535',
    'f.toml:1: port: expected a port from 1 to 65534 (port + 1 is used as well), got 65535',
  ],
  ['httpport = 0', 'f.toml:1: httpport: expected a port from 1 to 65535, got 0'],
  [
    'port = 4000\nhttpport = 4001',
    'f.toml:2: httpport: 4001 is already port or port + 1; choose another port',
  ],
  [
    'name = "a b"',
    'f.toml:1: name: expected up to 64 letters, digits, dots, dashes or underscores, got "a b"',
  ],
  [
    'host = "0.0.0.0"',
    'f.toml:1: host: expected a host name or address that the other nodes can reach (not 0.0.0.0), got "0.0.0.0"',
  ],
  ['[[node]]\nhost = "a"', 'node.port: missing; expected a port from 1 to 65534'],
  ['node = 5', 'f.toml:1: node: expected [[node]] tables, each with host and port'],
  ['quorum = 2', 'f.toml:1: quorum: expected a table [quorum]'],
  [
    '[quorum]\nw = "some"',
    'f.toml:2: quorum.w: expected a number from 1 to n, "one", "quorum" or "all", got "some"',
  ],
  ['[quorum]\nw = 4', 'f.toml:2: quorum.w: 4 is more than n (3)'],
  ['[quorum]\nw = 0', 'f.toml:2: quorum.w: expected'],
  [
    '[quorum]\ntimeout = 5',
    'f.toml:2: quorum.timeout: expected a time from "10ms" to "60s", got 5',
  ],
  ['[quorum]\ntimeout = "5 years"', 'quorum.timeout: expected a time'],
  [
    '[http]\nmaxvalue = "1GiB"',
    'f.toml:2: http.maxvalue: expected a size from "1B" to "16MiB", got "1GiB"',
  ],
  [
    '[http]\norigins = ["https://a.example/"]',
    'f.toml:2: http.origins: expected a list of origins such as "https://app.example"',
  ],
  [
    '[http]\nhosts = ["db.example:3000"]',
    'f.toml:2: http.hosts: expected a list of host names such as "db.example"',
  ],
  ...['proxy.example', '10.0.0', '10.0.0.7/33', '10.0.0.7/', '::g', '/8'].map(
    (proxy): [string, string] => [
      `[http]\nproxies = [${JSON.stringify(proxy)}]`,
      'f.toml:2: http.proxies: expected a list of addresses and networks such as "10.0.0.7"',
    ],
  ),
  ['[http]\nhosts = "db.example"', 'f.toml:2: http.hosts: expected a list of host names'],
  ['[storage]\nsync = 1', 'f.toml:2: storage.sync: expected true or false, got 1'],
  [
    '[policy]\nprefix = "a"',
    'f.toml:1: policy: expected at most 256 [[policy]] tables, each with a prefix',
  ],
  ['[[policy]]\nttl = "1s"', 'policy.prefix: missing; expected the first 1 to 1024 bytes of keys'],
  [
    '[[policy]]\nprefix = ""',
    'f.toml:2: policy.prefix: expected the first 1 to 1024 bytes of keys, got ""',
  ],
  [
    '[[policy]]\nprefix = "a"\nsiblings = "lww"',
    'f.toml:3: policy.siblings: expected "keep" or "last-write-wins", got "lww"',
  ],
  [
    '[[policy]]\nprefix = "a"\nttl = "1ms"',
    'f.toml:3: policy.ttl: expected a time from "1s" to "3650d", got "1ms"',
  ],
  [
    '[[policy]]\nprefix = "a"\nn = 2',
    'f.toml:3: policy.n: must be the n of [quorum] (3); set r and w instead',
  ],
  ['[[policy]]\nprefix = "a"\nw = 4', 'f.toml:3: policy.w: 4 is more than n (3)'],
  ['[[policy]]\nprefix = "a"\ntll = "1s"', 'policy.tll: unknown key; did you mean "ttl"?'],
  [
    '[[policy]]\nprefix = "a"\n[[policy]]\nprefix = "a"',
    'policy.prefix: "a" has two policies; merge them into one',
  ],
  ['port = ', 'f.toml:1:8: port: not valid TOML: invalid value'],
  [
    '\n  host = apple',
    'f.toml:2:10: host: not valid TOML: invalid value; a text must be in quotes',
  ],
  ['[quorum\nn = 3', 'f.toml:1:8: not valid TOML: illegal character in key'],
  [
    'port = 1\r\nport = 2',
    'f.toml:2:1: port: not valid TOML: trying to redefine an already defined table or value',
  ],
];

for (const [text, complaint] of MISTAKES) {
  test(`parseConfig names file, line and key of a mistake: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseConfig('f.toml', text),
      (error) =>
        (error instanceof StartError &&
          error.message.includes(complaint) &&
          !error.message.includes('\n')) ||
        assert.fail(String(error)),
    );
  });
}
