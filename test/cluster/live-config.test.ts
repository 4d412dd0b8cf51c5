/** The keys of a configuration that count at once, and those that need a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/cluster/config.ts';
import { type LiveConfig, reloadConfig } from '../../src/cluster/live-config.ts';
import { parseConfig } from '../../src/config/read.ts';
import {
  HTTP_KEYS,
  LOG_KEYS,
  QUORUM_KEYS,
  SECURITY_KEYS,
  STORAGE_KEYS,
  TOP_KEYS,
} from '../../src/config/rules.ts';

const configOf = (text: string): Config => parseConfig('f', text) as Config;

/** A line of a configuration file for each key, none of them the default. */
const LINES: Readonly<Record<string, string>> = {
  name: 'name = "n2"',
  cluster: 'cluster = "other"',
  host: 'host = "10.0.0.1"',
  port: 'port = 8000',
  httpport: 'httpport = 8080',
  root: 'root = "elsewhere"',
  zone: 'zone = "a"',
  weight: 'weight = 2',
  node: '[[node]]\nport = 9000',
  'quorum.n': '[quorum]\nn = 5',
  'quorum.r': '[quorum]\nr = 1',
  'quorum.w': '[quorum]\nw = 1',
  'quorum.timeout': '[quorum]\ntimeout = "1s"',
  'storage.sync': '[storage]\nsync = false',
  'storage.masterkey': '[storage]\nmasterkey = "/a"',
  'storage.masterkeycommand': '[storage]\nmasterkeycommand = "echo"',
  'security.mode': '[security]\nmode = "insecure"',
  'security.maxage': '[security]\nmaxage = "5m"',
  jwt: '[jwt]\nissuer = "i"\naudience = "a"\nkeys = "k"',
  'security.rate': '[security]\nrate = 7',
  'security.byterate': '[security]\nbyterate = "1MiB"',
  'http.maxvalue': '[http]\nmaxvalue = "1KiB"',
  'http.origins': '[http]\norigins = ["*"]',
  'http.hosts': '[http]\nhosts = ["db.example"]',
  'http.proxies': '[http]\nproxies = ["10.0.0.7"]',
  'http.unsignedtokens': '[http]\nunsignedtokens = false',
  'http.ui': '[http]\nui = false',
  'log.format': '[log]\nformat = "json"',
  'log.level': '[log]\nlevel = "warn"',
  'log.slow': '[log]\nslow = "never"',
  'log.keys': '[log]\nkeys = true',
  policy: '[[policy]]\nprefix = "a"',
};

/** The keys that count at once. */
const LIVE = [
  /^(?:log\..*|policy|quorum\.(?:r|w|timeout)|security\.(?:rate|byterate))$/,
  /^http\.(?:maxvalue|origins|hosts|unsignedtokens)$/,
];

test('there is a line for every key', () => {
  const tables = {
    quorum: QUORUM_KEYS,
    storage: STORAGE_KEYS,
    security: SECURITY_KEYS,
    http: HTTP_KEYS,
    log: LOG_KEYS,
  };
  const keys = Object.entries(tables).flatMap(([table, rules]) =>
    Object.keys(rules).map((key) => `${table}.${key}`),
  );
  const all = [...Object.keys(TOP_KEYS), ...keys, 'jwt', 'node', 'policy'].sort();
  assert.deepEqual(Object.keys(LINES).sort(), all);
});

test('another place of the master key counts at once, if the store is encrypted', () => {
  const live: LiveConfig = { ...configOf('[storage]\nsync = false\nmasterkey = "/a"') };
  const next = configOf('[storage]\nsync = true\nmasterkey = "/b"');
  assert.deepEqual(reloadConfig(live, next), {
    changed: ['storage.masterkey'],
    needRestart: ['storage.sync'],
  });
  assert.deepEqual(live.storage, { ...next.storage, sync: false });
  const command = configOf('[storage]\nmasterkeycommand = "echo"');
  const both = ['storage.masterkey', 'storage.masterkeycommand'];
  assert.deepEqual(reloadConfig(live, command).changed, both);
  const none = configOf('[storage]\nsync = false');
  assert.deepEqual(reloadConfig(live, none).needRestart, ['storage.masterkeycommand']);
  assert.equal(live.storage.masterKeyCommand, 'echo');
});

for (const [key, line] of Object.entries(LINES)) {
  const isLive = LIVE.some((keys) => keys.test(key));
  test(`a change of ${key} ${isLive ? 'counts at once' : 'needs a restart'}`, () => {
    const live: LiveConfig = { ...configOf('') };
    const next = configOf(line);
    const expected = isLive
      ? { changed: [key], needRestart: [] }
      : { changed: [], needRestart: [key] };
    assert.deepEqual(reloadConfig(live, next), expected);
    assert.deepEqual(live, isLive ? next : configOf(''));
    assert.deepEqual(reloadConfig(live, next), { ...expected, changed: [] });
  });
}
