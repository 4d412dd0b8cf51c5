/** A log that writes one line for each event to a stream, as text or as JSON. */
import type { Log, LogFields } from './env.ts';
import { microsToIso, systemClock } from './system.ts';

/** The levels of a log, the least first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** The level of a log line. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The forms of a log line: `time level event key=value …`, or a JSON object. */
export const LOG_FORMATS = ['text', 'json'] as const;

/** The form of a log line. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The settings of a log on a stream. */
export interface StreamLogOptions {
  /** Lines below this level are not written. Default `info`. */
  readonly level?: LogLevel | undefined;
  /** Default `text`. */
  readonly format?: LogFormat | undefined;
  /** The name of the node, which each JSON line has as `self`. */
  readonly self?: string | undefined;
}

/** A log on a stream, whose level and form may change while it is used. */
export interface StreamLog extends Log {
  level: LogLevel;
  format: LogFormat;
}

interface LogLine {
  readonly time: string;
  readonly level: LogLevel;
  readonly self: string | undefined;
  readonly event: string;
}

function fieldsAsText(fields: LogFields): string {
  let text = '';
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const plain = String(value);
    text += ` ${name}=${/^[\w.:/@~+-]+$/.test(plain) ? plain : JSON.stringify(plain)}`;
  }
  return text;
}

const FORMATS: Readonly<Record<LogFormat, (line: LogLine, fields: LogFields) => string>> = {
  text: ({ time, level, event }, fields) =>
    `${time} ${level.padEnd(5)} ${event}${fieldsAsText(fields)}\n`,
  // The own keys come last, so that no field hides them.
  json: (line, fields) => `${JSON.stringify({ ...line, ...fields, ...line })}\n`,
};

/** A log that writes lines to a stream. */
export function streamLog(
  stream: { write(text: string): unknown },
  { level: least = 'info', format = 'text', self }: StreamLogOptions = {},
): StreamLog {
  const write = (level: LogLevel, event: string, fields: LogFields = {}): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(log.level)) return;
    const time = microsToIso(systemClock.wallMicros());
    stream.write(FORMATS[log.format]({ time, level, self, event }, fields));
  };
  const log: StreamLog = {
    level: least,
    format,
    debug: (event, fields) => write('debug', event, fields),
    info: (event, fields) => write('info', event, fields),
    warn: (event, fields) => write('warn', event, fields),
    error: (event, fields) => write('error', event, fields),
  };
  return log;
}
