/** The configuration of a running node: a part of it may change, and the rest needs a restart. */
import type { Config } from './config.ts';

type LiveTable = 'quorum' | 'security' | 'storage' | 'http' | 'log' | 'policies';

/** The configuration of a running node. All parts of the node read it when they need a value. */
export type LiveConfig = Omit<Config, LiveTable> & {
  -readonly [Table in LiveTable]: Config[Table];
};

/** The keys whose values have changed, by whether the new value counts. */
export interface ReloadedConfig {
  readonly changed: readonly string[];
  readonly needRestart: readonly string[];
}

type Setting = (config: LiveConfig) => unknown;

/** The keys that count at once. */
const LIVE: Readonly<Record<string, Setting>> = {
  'quorum.r': ({ quorum }) => quorum.r,
  'quorum.w': ({ quorum }) => quorum.w,
  'quorum.timeout': ({ quorum }) => quorum.timeoutMs,
  'http.maxvalue': ({ http }) => http.maxValueBytes,
  'http.origins': ({ http }) => http.origins,
  'http.hosts': ({ http }) => http.hosts,
  'http.unsignedtokens': ({ http }) => http.unsignedTokens,
  'security.rate': ({ security }) => security.requestsPerSecond,
  'security.byterate': ({ security }) => security.bytesPerSecond,
  'log.format': ({ log }) => log.format,
  'log.level': ({ log }) => log.level,
  'log.slow': ({ log }) => String(log.slowMs),
  'log.keys': ({ log }) => log.keys,
  policy: ({ policies }) => policies,
};

/** The place of the master key. Another one counts at once, if both are of an encrypted store. */
const MASTER_KEY: Readonly<Record<string, Setting>> = {
  'storage.masterkey': ({ storage }) => storage.masterKeyFile,
  'storage.masterkeycommand': ({ storage }) => storage.masterKeyCommand,
};

const isEncrypted = (config: LiveConfig): boolean =>
  Object.values(MASTER_KEY).some((of) => of(config) !== undefined);

/**
 * The keys that need a restart: the place of a node in its cluster, its ports and who may reach
 * them, and its disk. The open connections are counted by `http.proxies`, and the page is read at
 * the start.
 */
const FIXED: Readonly<Record<string, Setting>> = {
  name: ({ name }) => name,
  cluster: ({ cluster }) => cluster,
  host: ({ host }) => host,
  port: ({ port }) => port,
  httpport: ({ httpport }) => httpport,
  root: ({ root }) => root,
  zone: ({ zone }) => zone,
  weight: ({ weight }) => weight,
  node: ({ nodes }) => nodes,
  'quorum.n': ({ quorum }) => quorum.n,
  'storage.sync': ({ storage }) => storage.sync,
  'security.mode': ({ security }) => security.mode,
  'security.maxage': ({ security }) => security.maxAgeMs,
  jwt: ({ security }) => security.jwt,
  'http.proxies': ({ http }) => http.proxies,
  'http.ui': ({ http }) => http.ui,
};

/** Takes over the part of a configuration that counts at once. */
export function reloadConfig(live: LiveConfig, next: Config): ReloadedConfig {
  const changedOf = (settings: Readonly<Record<string, Setting>>): string[] =>
    Object.entries(settings).flatMap(([key, of]) =>
      JSON.stringify(of(live)) === JSON.stringify(of(next)) ? [] : [key],
    );
  const isSameStore = isEncrypted(live) && isEncrypted(next);
  const places = changedOf(MASTER_KEY);
  const reloaded = {
    changed: [...changedOf(LIVE), ...(isSameStore ? places : [])],
    needRestart: [...changedOf(FIXED), ...(isSameStore ? [] : places)],
  };
  if (isSameStore) live.storage = { ...next.storage, sync: live.storage.sync };
  live.quorum = { ...next.quorum, n: live.quorum.n };
  live.http = { ...next.http, proxies: live.http.proxies, ui: live.http.ui };
  const { requestsPerSecond, bytesPerSecond } = next.security;
  live.security = { ...live.security, requestsPerSecond, bytesPerSecond };
  live.log = next.log;
  live.policies = next.policies;
  return reloaded;
}
