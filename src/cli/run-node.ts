/** The command `mec --config FILE`: one node in the foreground, until it is stopped. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf, StartError } from '../base/errors.ts';
import { type StreamLog, streamLog } from '../base/stream-log.ts';
import type { Config } from '../cluster/config.ts';
import type { ReloadedConfig } from '../cluster/live-config.ts';
import { parseConfig } from '../config/read.ts';
import { readDiskSpace } from '../storage/disk-space.ts';
import { openLevelEngine } from '../storage/level.ts';
import { DataKeyFile } from '../embed/data-key-file.ts';
import { keptName } from '../embed/kept-name.ts';
import { runParts } from '../embed/start-node.ts';
import { readVersion } from '../embed/version.ts';
import { underFaults } from './dev-faults.ts';
import { EXIT } from './exit-codes.ts';
import { print, remark } from './terminal.ts';

/** A running node with its HTTP server. */
interface RunningNode {
  /** Resolves when the node has left its cluster, or with the error that stops it. */
  readonly ended: Promise<Error | undefined>;
  readonly log: StreamLog;
  reload(next: Config): ReloadedConfig;
  reloadFiles(next: Config): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Reads and checks a configuration file. Relative paths in it start at its directory. Rejects with
 * `StartError`.
 */
export async function loadConfig(file: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new StartError(`Cannot read the configuration ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const config = parseConfig(file, text);
  const inItsDirectory = (path: string): string => resolve(dirname(file), path);
  const root = inItsDirectory(config.root);
  const { masterKeyFile } = config.storage;
  const storage = {
    ...config.storage,
    masterKeyFile: masterKeyFile && inItsDirectory(masterKeyFile),
  };
  const { jwt, ...security } = config.security;
  // A URL stays as it is.
  const keys = jwt && (/^https?:/.test(jwt.keys) ? jwt.keys : inItsDirectory(jwt.keys));
  const issuer = jwt && keys !== undefined ? { jwt: { ...jwt, keys } } : {};
  return {
    ...config,
    storage,
    security: { ...security, ...issuer },
    root,
    name: config.name ?? (await keptName(root)),
  };
}

/** Starts a node and its HTTP server on real parts. Rejects with `StartError`. */
async function startNode(config: Config): Promise<RunningNode> {
  const { level, format } = config.log;
  const stderr = { write: (line: string): unknown => print(process.stderr, line) };
  const log = streamLog(stderr, { level, format, self: config.name });
  log.info('starting', { version: readVersion(), name: config.name, root: config.root });
  const onRemark = (remark: string): void => log.warn('store', { remark });
  const node = await runParts({
    config,
    log,
    openEngine: () => openLevelEngine(config.root, { onRemark }),
    atRest: await DataKeyFile.open(config),
    readDisk: () => readDiskSpace(config.root),
    // Only a node that `mec dev` has started has a channel.
    ...(process.channel === undefined ? {} : { through: underFaults }),
  });
  log.info('serving', { http: node.url, membership: config.port, data: config.port + 1 });
  const stop = async (): Promise<void> => {
    log.info('stopping');
    await node.close();
    log.info('stopped');
  };
  const { ended } = node;
  const reload = (next: Config): ReloadedConfig => node.reload(next);
  return { ended, log, reload, reloadFiles: (next) => node.reloadFiles(next), stop };
}

/** Reads the configuration again. The log names the changes that count, and those that do not. */
async function reload(file: string, { log, ...node }: RunningNode): Promise<void> {
  try {
    const next = await loadConfig(file);
    // If a file does not fit, nothing of the configuration changes.
    await node.reloadFiles(next);
    const { changed, needRestart } = node.reload(next);
    Object.assign(log, { level: next.log.level, format: next.log.format });
    log.info('configuration read again', { changed: changed.join(' ') || 'nothing' });
    if (needRestart.length > 0)
      log.warn('change of the configuration needs a restart', { keys: needRestart.join(' ') });
  } catch (error) {
    log.error('configuration not read again', { reason: messageOf(error) });
  }
}

/** Runs one node until SIGINT, SIGTERM, or the end of the `mec dev` that started it. */
export async function runNode(file: string): Promise<void> {
  const running = await startNode(await loadConfig(file));
  let isStopping = false;
  const stop = (exitCode: number): void => {
    // A second signal means that the user does not want to wait.
    if (isStopping) process.exit(EXIT.failed);
    isStopping = true;
    running.stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        remark(`stopping failed: ${messageOf(error)}`);
        process.exit(EXIT.failed);
      },
    );
  };
  process.on('SIGINT', () => stop(EXIT.done));
  process.on('SIGTERM', () => stop(EXIT.done));
  process.on('SIGHUP', () => void reload(file, running));
  void running.ended.then((reason) => {
    if (isStopping) return;
    if (reason !== undefined) remark(reason.message);
    stop(reason === undefined ? EXIT.done : EXIT.usage);
  });
  if (process.channel !== undefined) {
    process.on('disconnect', () => {
      if (!isStopping) stop(EXIT.done);
    });
  }
}
