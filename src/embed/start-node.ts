/** A node in this process: for tests, and for services that want no separate process. */
import { httpUrl } from '../base/address.ts';
import type { Address, Env, Log, Network } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import { EMBED_START_TRIES } from './limits.ts';
import { silentLog, systemClock, systemRandom } from '../base/system.ts';
import { throttledLog } from '../base/throttled-log.ts';
import type { Config } from '../cluster/config.ts';
import { readConfig } from '../config/read.ts';
import { MecNode } from '../cluster/node.ts';
import type { NodeStatus } from '../cluster/status.ts';
import { drawShortName } from '../core/causality/actor.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import type { OpenEngine } from '../storage/engine.ts';
import { openLevelEngine } from '../storage/level.ts';
import { MemoryDisk } from '../storage/memory.ts';
import { zeromqNetwork } from '../transport/zeromq.ts';
import { HttpServer } from '../http/server.ts';
import { readVersion } from './version.ts';
import { findFreePorts } from './free-ports.ts';

/**
 * The keys of the configuration file, with the same values and defaults; but ports that are not
 * given are free ones.
 */
export interface NodeConfig {
  /** Default: drawn. */
  readonly name?: string | undefined;
  /** Address to bind, and by which other nodes know this one. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Membership; `port + 1` carries data. */
  readonly port?: number | undefined;
  readonly httpport?: number | undefined;
  /** What may fail together, as a rack: no two owners of a key share one while there are enough. */
  readonly zone?: string | undefined;
  /** How much this node holds, relative to the others. Default 1. */
  readonly weight?: number | undefined;
  /** Data directory. Without one, everything is in memory and gone when the node is closed. */
  readonly root?: string | undefined;
  /** The other nodes of the cluster. */
  readonly node?: readonly Address[] | undefined;
  readonly quorum?:
    { readonly n?: number; readonly r?: Quorum; readonly w?: Quorum; readonly timeout?: string } | undefined;
  readonly storage?: { readonly sync?: boolean } | undefined;
  readonly http?: { readonly maxvalue?: string; readonly origins?: readonly string[] } | undefined;
  readonly policy?: readonly PolicyConfig[] | undefined;
}

/** What holds for the keys with a prefix, instead of the configuration's own. */
export interface PolicyConfig {
  readonly prefix: string;
  readonly siblings?: 'keep' | 'last-write-wins';
  readonly ttl?: string;
  readonly n?: number;
  readonly r?: Quorum;
  readonly w?: Quorum;
  readonly maxvalue?: string;
}

/** What an embedded node can be told. */
export interface StartNodeOptions extends NodeConfig {
  /** Where its log goes; default nowhere. */
  readonly log?: Log | undefined;
}

/** A node that runs in this process. */
export interface EmbeddedNode {
  readonly name: string;
  /** Where it serves HTTP, `http://host:port`: what a `MecClient` is given. */
  readonly url: string;
  readonly config: Config;
  /** What `/status` says of the node. */
  status(): NodeStatus;
  /**
   * Begins to leave the cluster: the others take over what this node holds, then `ended` resolves.
   * Throws where there are no others.
   */
  leave(): void;
  /**
   * Resolves when the node has nothing left to do and waits to be closed: with undefined after it
   * has left, else with what forbids it to go on.
   */
  readonly ended: Promise<Error | undefined>;
  /** Finishes what is in flight and stops. Nothing is left open. */
  close(): Promise<void>;
}

/** What a node is made of, chosen by who runs it. */
export interface NodeParts {
  readonly config: Config;
  readonly log: Log;
  readonly openEngine: OpenEngine;
  /** What lies between the node and the real network. */
  readonly through?: (network: Network) => Network;
}

/** Starts a node and its HTTP door on these parts; rejects with `StartError`, and then nothing is left open. */
export async function runParts(parts: NodeParts): Promise<EmbeddedNode> {
  const { config, openEngine, through = (network) => network } = parts;
  const log = throttledLog(parts.log, systemClock);
  const network = through(zeromqNetwork(log));
  const env: Env = { clock: systemClock, random: systemRandom, log, network };
  let node: MecNode | undefined;
  try {
    let onEnd: (reason: Error | undefined) => void = () => {};
    const ended = new Promise<Error | undefined>((resolve) => (onEnd = resolve));
    node = await MecNode.start({ config, env, openEngine, onEnd });
    const http = await HttpServer.start({ node, env, version: readVersion() });
    return embed(node, { http, network, ended });
  } catch (error) {
    await node?.stop();
    await network.close();
    throw error;
  }
}

interface Around {
  readonly http: HttpServer;
  readonly network: Network;
  readonly ended: Promise<Error | undefined>;
}

function embed(node: MecNode, { http, network, ended }: Around): EmbeddedNode {
  const { config } = node;
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await http.stop();
    await node.stop();
    await network.close();
  };
  return {
    name: config.name,
    url: httpUrl(config.host, config.httpport),
    config,
    status: () => node.status(),
    leave: () => node.leave(),
    ended,
    close: () => (closed ??= close()),
  };
}

/** Starts one node in this process; rejects with `StartError`, which says in one line what is wrong. */
export async function startNode(options: StartNodeOptions = {}): Promise<EmbeddedNode> {
  const { log = silentLog, ...given } = options;
  for (let tries = 1; ; tries++) {
    const config = await completeConfig(given);
    try {
      return await runParts({ config, log, openEngine: engineOf(given, config) });
    } catch (error) {
      // Between finding a free port and taking it, somebody else may have.
      const isOurChoice = given.port === undefined || given.httpport === undefined;
      if (!isOurChoice || tries === EMBED_START_TRIES || !isTaken(error)) throw error;
    }
  }
}

/** Whether a start failed for an address in use. */
export function isTaken(error: unknown): boolean {
  const cause = error instanceof StartError ? (error.cause as { readonly code?: unknown } | undefined) : undefined;
  return cause?.code === 'EADDRINUSE';
}

/** The engine of a configuration: on disk where a directory was given. */
export function engineOf(given: NodeConfig, config: Config): OpenEngine {
  return given.root === undefined ? new MemoryDisk().open : () => openLevelEngine(config.root);
}

async function completeConfig(given: NodeConfig): Promise<Config> {
  const { host = '127.0.0.1', port, httpport } = given;
  const areGiven = port !== undefined && httpport !== undefined;
  const first = areGiven ? port : await findFreePorts(host, 3, systemRandom);
  const config = readConfig('startNode', { ...given, port: port ?? first, httpport: httpport ?? first + 2 });
  return { ...config, name: config.name ?? `mec-${drawShortName(systemRandom)}` };
}
