/** A node in this process: for tests, and for services without a separate database process. */
import { httpUrl } from '../base/address.ts';
import type { Clock, Env, Log, Network, Timer } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import { EMBED_START_TRIES } from './limits.ts';
import { systemClock, systemRandom } from '../base/system.ts';
import { throttledLog } from '../base/throttled-log.ts';
import type { Config, NamedAddress, SecurityMode } from '../cluster/config.ts';
import { readConfig } from '../config/read.ts';
import type { Joins } from '../cluster/joins.ts';
import { MecNode } from '../cluster/node.ts';
import { NodeKeyring } from '../cluster/node-keyring.ts';
import type { ReloadedConfig } from '../cluster/live-config.ts';
import type { NodeStatus } from '../cluster/status.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import { type DiskSpace, readDiskSpace } from '../storage/disk-space.ts';
import type { OpenEngine } from '../storage/engine.ts';
import { openLevelEngine } from '../storage/level.ts';
import { MemoryDisk } from '../storage/memory.ts';
import { zeromqNetwork } from '../transport/zeromq-network.ts';
import { BothServer } from '../http/both-server.ts';
import { HttpServer } from '../http/server.ts';
import { type LogConfig, logOf, logTableOf } from './log-config.ts';
import { loadPages } from '../ui/pages.ts';
import { DataKeyFile } from './data-key-file.ts';
import { drawNodeName, keptName } from './kept-name.ts';
import { openTelemetryTracer } from './opentelemetry.ts';
import { readVersion } from './version.ts';
import { assertNotExposed, warnIfInsecure } from './exposure.ts';
import { findFreePorts } from './free-ports.ts';
import { securedDoor } from './secured-door.ts';
import { watchCertificate } from './renewal.ts';
import { assertNamedOrigins, SecuredRoot } from './secured-root.ts';

/**
 * The keys of the configuration file, with the same values and defaults. Only ports differ: by
 * default they are free ones.
 */
export interface NodeConfig {
  /** Default: a random name, which is kept in `root`. */
  readonly name?: string | undefined;
  /** The name of the cluster. Nodes with different names refuse each other. */
  readonly cluster?: string | undefined;
  /** The address on which the node listens and other nodes reach it. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** The port for membership; `port + 1` carries data. */
  readonly port?: number | undefined;
  readonly httpport?: number | undefined;
  /**
   * A group of nodes that may fail together, such as a rack. No two owners of a key are in one
   * zone, if there are enough zones. A node whose root already belongs to a cluster keeps the zone
   * and weight with which it joined.
   */
  readonly zone?: string | undefined;
  /** The node's share of the data, relative to the others. Default 1. */
  readonly weight?: number | undefined;
  /** The data directory. By default, everything is in memory, and gone when the node is closed. */
  readonly root?: string | undefined;
  /** The other nodes of the cluster. */
  readonly node?: readonly NamedAddress[] | undefined;
  readonly quorum?:
    | { readonly n?: number; readonly r?: Quorum; readonly w?: Quorum; readonly timeout?: string }
    | undefined;
  readonly storage?:
    | {
        readonly sync?: boolean;
        /** The file of the master key: then the values on the disk are encrypted. */
        readonly masterkey?: string;
        /** A command that prints the master key. */
        readonly masterkeycommand?: string;
      }
    | undefined;
  /**
   * How the node protects its ports. By default (`open`) it serves only programs of this machine,
   * and does not start on another `host`.
   */
  readonly security?:
    | {
        readonly mode?: SecurityMode;
        readonly maxage?: string;
        readonly rate?: number;
        readonly byterate?: string;
      }
    | undefined;
  /** The issuer of JSON Web Tokens that count with `security.mode = "on"`. */
  readonly jwt?: JwtConfig | undefined;
  readonly http?:
    | {
        readonly maxvalue?: string;
        readonly origins?: readonly string[];
        readonly hosts?: readonly string[];
        readonly proxies?: readonly string[];
        /** Whether tokens without a signature count. Default true. */
        readonly unsignedtokens?: boolean;
        /** Whether the node serves the dashboard. Default true. */
        readonly ui?: boolean;
      }
    | undefined;
  readonly policy?: readonly PolicyConfig[] | undefined;
}

/** An issuer of JSON Web Tokens. Identities have the name `prefix` + claim. */
export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  /** The file or the URL of its JSON Web Key Set. */
  readonly keys: string;
  /** Default `sub`. */
  readonly claim?: string;
  /** Default `jwt-`. */
  readonly prefix?: string;
}

/** The settings for keys with a prefix, which replace those of the configuration. */
export interface PolicyConfig {
  readonly prefix: string;
  readonly siblings?: 'keep' | 'last-write-wins';
  readonly ttl?: string;
  readonly n?: number;
  readonly r?: Quorum;
  readonly w?: Quorum;
  readonly maxvalue?: string;
}

/** The options of an embedded node. */
export interface StartNodeOptions extends NodeConfig {
  /**
   * The log of the node, or the keys of `[log]` for lines on stderr. By default, nothing is
   * written.
   */
  readonly log?: Log | LogConfig | undefined;
}

/** A node that runs in this process. */
export interface EmbeddedNode {
  readonly name: string;
  /** The HTTP address, `http://host:port`, for `MecClient`. */
  readonly url: string;
  readonly config: Config;
  /** The status of the node, as in `/status`. */
  status(): NodeStatus;
  /**
   * Starts to leave the cluster. The other nodes take over this node's data, then `ended` resolves.
   * Throws if there are no other nodes.
   */
  leave(): void;
  /**
   * Resolves when the node can do no more and waits to be closed: with undefined after it has left,
   * else with the error that stops it.
   */
  readonly ended: Promise<Error | undefined>;
  /** Finishes the requests in progress and stops. Leaves nothing open. */
  close(): Promise<void>;
}

/** A running node, whose configuration may be replaced. */
export interface ReloadableNode extends EmbeddedNode {
  /** Takes over those changes of the configuration that count at once. */
  reload(next: Config): ReloadedConfig;
  /**
   * Reads the certificates and the data keys again, if there are any. Rejects if they do not fit.
   */
  reloadFiles(next: Config): Promise<void>;
}

/** The parts of the world that a node may see otherwise than they are. */
export interface NodeWorld {
  readonly network: Network;
  readonly clock: Clock;
}

/** The parts of a node, which its caller chooses. */
export interface NodeParts {
  readonly config: Config;
  readonly log: Log;
  readonly openEngine: OpenEngine;
  /** The data keys; undefined if the store is not encrypted, or in memory. */
  readonly atRest?: DataKeyFile | undefined;
  /** Reads the free space of the disk; undefined if the store is in memory. */
  readonly readDisk?: (() => Promise<DiskSpace>) | undefined;
  /** Wraps the real world. */
  readonly through?: (world: NodeWorld) => NodeWorld;
}

/**
 * Starts a node and its HTTP server on these parts. Rejects with `StartError`, and then leaves
 * nothing open.
 */
export async function runParts(parts: NodeParts): Promise<ReloadableNode> {
  const { config, openEngine, atRest, through = (world) => world } = parts;
  await assertNotExposed(config);
  const opened = await SecuredRoot.open(config);
  const root = opened === 'off' ? undefined : opened;
  const log = throttledLog(parts.log, systemClock);
  const keyring = root && new NodeKeyring(root.keys, config.security.mode === 'migrating');
  const zeromq = zeromqNetwork({ log, clock: systemClock, random: systemRandom, keys: keyring });
  if (keyring !== undefined) {
    keyring.onChange = (areSome) => zeromq.onKeysChanged(areSome);
    keyring.onOwnChange = () => zeromq.onOwnKeyChanged();
  }
  const { network, clock } = through({ network: zeromq, clock: systemClock });
  const tracer = await openTelemetryTracer(readVersion());
  const env: Env = { clock, random: systemRandom, log, network, tracer };
  let node: MecNode | undefined;
  try {
    let onEnd: (reason: Error | undefined) => void = () => {};
    const ended = new Promise<Error | undefined>((resolve) => (onEnd = resolve));
    const kept = { firstRecords: root?.firstRecords, isSecurityOff: opened === 'off' };
    const nodeKeys = keyring && root && { keyring, files: root };
    node = await MecNode.start({ config, env, openEngine, atRest, onEnd, nodeKeys, ...kept });
    node.sight.health.start(parts.readDisk);
    const pages = config.http.ui ? loadPages() : undefined;
    const door = securedDoor(node, root, env);
    const Server = config.security.mode === 'migrating' ? BothServer : HttpServer;
    const http = await Server.start({ node, env, version: readVersion(), pages, ...door });
    const reload = (): Promise<void> => http.reloadTls();
    const renewal = root && watchCertificate({ root, config, env, reload });
    const timers = [warnIfInsecure(config, env), renewal];
    return embed(node, { http, network, ended, timers, root, atRest, joins: door.joins });
  } catch (error) {
    await node?.stop();
    await network.close();
    throw error;
  }
}

interface Around {
  readonly http: Pick<HttpServer, 'stop' | 'reloadTls'>;
  readonly network: Network;
  readonly ended: Promise<Error | undefined>;
  readonly timers: readonly (Timer | undefined)[];
  readonly root: SecuredRoot | undefined;
  readonly atRest: DataKeyFile | undefined;
  readonly joins: Joins | undefined;
}

function embed(node: MecNode, around: Around): ReloadableNode {
  const { http, network, ended, timers, root, atRest, joins } = around;
  const { config } = node;
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    for (const timer of timers) timer?.cancel();
    joins?.close();
    await http.stop();
    await node.stop();
    await network.close();
    root?.audit.close();
  };
  return {
    name: config.name,
    // While a cluster gets its keys, its nodes serve both.
    url: httpUrl(config.host, config.httpport, config.security.mode === 'on' ? 'https' : 'http'),
    config,
    status: () => node.status(),
    reload: (next) => {
      if (root !== undefined) assertNamedOrigins(next.http);
      return node.reload(next);
    },
    reloadFiles: async (next) => {
      if (root !== undefined) await http.reloadTls();
      await atRest?.reload(next);
    },
    leave: () => node.leave(),
    ended,
    close: () => (closed ??= close()),
  };
}

/** Starts one node in this process. Rejects with `StartError`, whose message is one line. */
export async function startNode(options: StartNodeOptions = {}): Promise<EmbeddedNode> {
  const { log, ...given } = options;
  const table = logTableOf('startNode', log);
  for (let tries = 1; ; tries++) {
    const config = await completeConfig(given, table);
    try {
      return await runParts({ config, log: logOf(log, config), ...(await diskOf(given, config)) });
    } catch (error) {
      // Another process may take a free port before this node does.
      const isOurChoice = given.port === undefined || given.httpport === undefined;
      if (!isOurChoice || tries === EMBED_START_TRIES || !isTaken(error)) throw error;
    }
  }
}

/** Whether a start failed because an address is in use. */
export function isTaken(error: unknown): boolean {
  const cause =
    error instanceof StartError
      ? (error.cause as { readonly code?: unknown } | undefined)
      : undefined;
  return cause?.code === 'EADDRINUSE';
}

/** The disk of a configuration: a real one if `root` is given, else memory. */
export async function diskOf(
  given: Pick<NodeConfig, 'root'>,
  config: Config,
): Promise<Pick<NodeParts, 'openEngine' | 'readDisk' | 'atRest'>> {
  const { root } = config;
  if (given.root === undefined) return { openEngine: new MemoryDisk().open };
  const atRest = await DataKeyFile.open(config);
  return { openEngine: () => openLevelEngine(root), readDisk: () => readDiskSpace(root), atRest };
}

async function completeConfig(
  given: NodeConfig,
  log: Omit<LogConfig, 'to'> | undefined,
): Promise<Config> {
  const { host = '127.0.0.1', port, httpport } = given;
  const areGiven = port !== undefined && httpport !== undefined;
  const first = areGiven ? port : await findFreePorts(host, 3, systemRandom);
  const config = readConfig('startNode', {
    ...given,
    log,
    port: port ?? first,
    httpport: httpport ?? first + 2,
  });
  const { root } = given;
  const name = config.name ?? (root === undefined ? drawNodeName() : await keptName(root));
  return { ...config, name };
}
