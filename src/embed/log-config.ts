/** The log of an embedded node: a given one, lines on stderr, or nothing. */
import type { Log } from '../base/env.ts';
import { StartError } from '../base/errors.ts';
import { type LogFormat, type LogLevel, streamLog } from '../base/stream-log.ts';
import { silentLog } from '../base/system.ts';
import type { Config } from '../cluster/config.ts';

/** The keys of `[log]`, with the same values and defaults. */
export interface LogConfig {
  readonly format?: LogFormat;
  readonly level?: LogLevel;
  readonly slow?: string;
  readonly keys?: boolean;
  /** The log that gets the lines, with a level and a form of its own. Default: stderr. */
  readonly to?: Log | undefined;
}

const isLog = (log: Log | LogConfig): log is Log => 'info' in log;

/** The table `[log]` for the reader of configurations; undefined if there is none. */
export function logTableOf(
  source: string,
  log: Log | LogConfig | undefined,
): Omit<LogConfig, 'to'> | undefined {
  if (log === undefined || isLog(log)) return undefined;
  const { to, ...table } = log;
  const own = (['format', 'level'] as const).find((key) => table[key] !== undefined);
  if (to !== undefined && own !== undefined)
    throw new StartError(`${source}: log.${own}: the log in "to" has its own; set it there`);
  return table;
}

/** The log of a node with this configuration. */
export function logOf(log: Log | LogConfig | undefined, { name, log: table }: Config): Log {
  if (log === undefined) return silentLog;
  if (isLog(log)) return log;
  return log.to ?? streamLog(process.stderr, { ...table, self: name });
}
