/**
 * A log that a fault cannot flood. Each line is written at most once a second, with the number of
 * repetitions in between. A fault that every request meets would otherwise write thousands of equal
 * lines a second.
 */
import type { Clock, Log, LogFields } from './env.ts';
import { LOG_EVENT_LINES, LOG_REPEAT_MS, MAX_LOG_LINES, MAX_LOG_TEXT_CHARS } from './limits.ts';

type ThrottledLevel = 'info' | 'warn' | 'error';

/** A line that was written less than `LOG_REPEAT_MS` ago. */
interface Recent {
  readonly level: ThrottledLevel;
  readonly event: string;
  readonly fields: LogFields | undefined;
  readonly atMs: number;
  /** Repetitions since it was written. */
  repeated: number;
}

/** The fields of the line that stands for all further lines of an event with `LOG_EVENT_LINES`. */
const OTHERS: LogFields = { fields: 'various' };

/** The event of the line that stands for all lines beyond `MAX_LOG_LINES`. */
const LEFT_OUT = 'log lines left out';

/** Throttles the levels from `info` up. `debug` passes unchanged. */
class ThrottledLog implements Log {
  readonly #log: Log;
  readonly #clock: Clock;
  /** By level, event and fields, with the oldest first. */
  readonly #recent = new Map<string, Recent>();
  readonly #linesByEvent = new Map<string, number>();
  #isTimed = false;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  debug(event: string, fields?: LogFields): void {
    this.#log.debug(event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#write('info', event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#write('warn', event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write('error', event, fields);
  }

  #write(level: ThrottledLevel, event: string, all: LogFields | undefined): void {
    const fields = withShortTexts(all);
    this.#forgetOld();
    const known = this.#recent.get(nameOf(level, event, fields));
    if (known !== undefined) return this.#repeat(known);
    const isFull = this.#recent.size >= MAX_LOG_LINES;
    if (!isFull && (this.#linesByEvent.get(event) ?? 0) < LOG_EVENT_LINES) {
      this.#remember(level, event, fields);
      this.#log[level](event, fields);
    } else if (isFull) this.#count(level, LEFT_OUT, undefined);
    else this.#count(level, event, OTHERS);
  }

  /** Counts a line that is not written, under the line that will report it. */
  #count(level: ThrottledLevel, event: string, fields: LogFields | undefined): void {
    const known = this.#recent.get(nameOf(level, event, fields));
    this.#repeat(known ?? this.#remember(level, event, fields));
  }

  #repeat(recent: Recent): void {
    recent.repeated += 1;
    this.#reportLater();
  }

  #reportLater(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#clock.after(LOG_REPEAT_MS, () => this.#report());
  }

  /**
   * Reports repetitions, and sets the timer again for lines that are younger than `LOG_REPEAT_MS`.
   */
  #report(): void {
    this.#isTimed = false;
    const nowMs = this.#clock.monotonicMs();
    for (const [name, recent] of this.#recent) {
      const { level, event, fields, repeated, atMs } = recent;
      if (repeated === 0) continue;
      if (nowMs - atMs < LOG_REPEAT_MS) {
        this.#reportLater();
        continue;
      }
      this.#forget(name, recent);
      this.#remember(level, event, fields);
      this.#log[level](event, { ...fields, repeated });
    }
  }

  #remember(level: ThrottledLevel, event: string, fields: LogFields | undefined): Recent {
    const recent = { level, event, fields, atMs: this.#clock.monotonicMs(), repeated: 0 };
    this.#recent.set(nameOf(level, event, fields), recent);
    this.#linesByEvent.set(event, (this.#linesByEvent.get(event) ?? 0) + 1);
    return recent;
  }

  #forget(name: string, { event }: Recent): void {
    this.#recent.delete(name);
    const lines = (this.#linesByEvent.get(event) ?? 0) - 1;
    if (lines > 0) this.#linesByEvent.set(event, lines);
    else this.#linesByEvent.delete(event);
  }

  /** Forgets lines older than `LOG_REPEAT_MS`, except those with repetitions to report. */
  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, recent] of this.#recent) {
      if (nowMs - recent.atMs < LOG_REPEAT_MS) return;
      if (recent.repeated === 0) this.#forget(name, recent);
    }
  }
}

/** The fields with long texts cut. They would fill the disk, and the memory of repetitions. */
function withShortTexts(fields: LogFields | undefined): LogFields | undefined {
  const isLong = (value: unknown): value is string =>
    typeof value === 'string' && value.length > MAX_LOG_TEXT_CHARS;
  if (fields === undefined || !Object.values(fields).some(isLong)) return fields;
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    isLong(value) ? `${value.slice(0, MAX_LOG_TEXT_CHARS)}…` : value,
  ]);
  return Object.fromEntries(entries) as LogFields;
}

const nameOf = (level: ThrottledLevel, event: string, fields: LogFields | undefined): string =>
  `${level} ${event} ${JSON.stringify(fields)}`;

/** Wraps a log so that each line is written at most once a second. */
export const throttledLog = (log: Log, clock: Clock): Log => new ThrottledLog(log, clock);
