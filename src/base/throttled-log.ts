/**
 * A log that a fault cannot flood: the same line comes at most once a second, with the number of those that
 * were left out. What fails once for each request fails many times a second, and says the same each time.
 */
import type { Clock, Log, LogFields } from './env.ts';
import { LOG_EVENT_LINES, LOG_REPEAT_MS, MAX_LOG_LINES } from './limits.ts';

type ThrottledLevel = 'info' | 'warn' | 'error';

/** A line that was written less than a second ago. */
interface Recent {
  readonly level: ThrottledLevel;
  readonly event: string;
  readonly fields: LogFields | undefined;
  readonly atMs: number;
  /** How many more of it there have been since. */
  repeated: number;
}

/** All lines of one event that differ in their fields, past those that are told one by one. */
const OTHERS: LogFields = { fields: 'various' };

/** All lines of events past those that are remembered. */
const LEFT_OUT = 'log lines left out';

/** Throttles what passes through to a log; what is for debugging passes as it is. */
class ThrottledLog implements Log {
  readonly #log: Log;
  readonly #clock: Clock;
  /** By level, event and fields; the oldest first. */
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

  #write(level: ThrottledLevel, event: string, fields: LogFields | undefined): void {
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

  /** Counts what is not told, under a line that tells it later. */
  #count(level: ThrottledLevel, event: string, fields: LogFields | undefined): void {
    const known = this.#recent.get(nameOf(level, event, fields));
    this.#repeat(known ?? this.#remember(level, event, fields));
  }

  #repeat(recent: Recent): void {
    recent.repeated += 1;
    this.#tellLater();
  }

  #tellLater(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#clock.after(LOG_REPEAT_MS, () => this.#tell());
  }

  /** Tells how often lines have come again, and looks again later where some have not had their second yet. */
  #tell(): void {
    this.#isTimed = false;
    const nowMs = this.#clock.monotonicMs();
    for (const [name, recent] of this.#recent) {
      const { level, event, fields, repeated, atMs } = recent;
      if (repeated === 0) continue;
      if (nowMs - atMs < LOG_REPEAT_MS) {
        this.#tellLater();
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

  /** Forgets what has had its second; what has come again meanwhile is told first. */
  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, recent] of this.#recent) {
      if (nowMs - recent.atMs < LOG_REPEAT_MS) return;
      if (recent.repeated === 0) this.#forget(name, recent);
    }
  }
}

const nameOf = (level: ThrottledLevel, event: string, fields: LogFields | undefined): string =>
  `${level} ${event} ${JSON.stringify(fields)}`;

/** The log, at most one line a second of each kind. */
export const throttledLog = (log: Log, clock: Clock): Log => new ThrottledLog(log, clock);
