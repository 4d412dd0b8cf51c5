/** The real world. No other file may use `Date`, timers or a source of random numbers. */
import type { Clock, Log, Random } from './env.ts';

const monotonicMs: Clock['monotonicMs'] = () => performance.now();

/**
 * Follows corrections of the wall clock. The fraction of a millisecond keeps close events distinct,
 * but has no meaning of its own.
 */
const wallMicros: Clock['wallMicros'] = () =>
  Date.now() * 1000 + Math.floor((performance.now() % 1) * 1000);

const after: Clock['after'] = (delayMs, task) => {
  const timer = setTimeout(task, Math.max(0, delayMs));
  return { cancel: () => clearTimeout(timer) };
};

/** Real time. */
export const systemClock: Clock = {
  monotonicMs,
  wallMicros,
  after,
  defer: (task) => void setImmediate(task),
};

/** Real time in a client, which may run in a browser. */
export const clientClock: Omit<Clock, 'defer'> = { monotonicMs, wallMicros, after };

const pool = new Uint32Array(256);
let drawn = pool.length;

/** Random numbers of the operating system, drawn in batches. */
export const systemRandom: Random = {
  uint32: () => {
    if (drawn === pool.length) {
      crypto.getRandomValues(pool);
      drawn = 0;
    }
    return pool[drawn++] ?? 0;
  },
};

/** The number of turns in one pass of the event loop. */
const TURNS_PER_PASS = 64;

const turns: (() => void)[] = [];
let immediates = 0;

function endTurn(): void {
  immediates -= 1;
  turns.shift()?.();
}

/**
 * Resolves at the end of this turn, after all promises that wait for no event have settled. Node
 * settles them between any two immediates. Many immediates are made at once, for one pass of the
 * event loop. Each pass asks the operating system for events, which costs more than a short turn.
 */
export function turnEnd(): Promise<void> {
  return new Promise((resolve) => {
    if (turns.push(resolve) <= immediates) return;
    for (; immediates < TURNS_PER_PASS; immediates++) setImmediate(endTurn);
  });
}

/** Resolves after `delayMs`. The launcher uses it to wait for processes. */
export function sleepMs(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

let formatted = { second: NaN, text: '' };

/** A time in µs since 1970 as an HTTP date (IMF-fixdate of RFC 9110), in whole seconds. */
export function microsToHttpDate(micros: number): string {
  const second = Math.floor(micros / 1e6);
  // Versions that are read together were mostly written together.
  if (second !== formatted.second)
    formatted = { second, text: new Date(second * 1000).toUTCString() };
  return formatted.text;
}

const HTTP_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Parses an HTTP date (IMF-fixdate). Returns µs since 1970, or undefined if the text is not one.
 */
export function httpDateToMicros(text: string): number | undefined {
  const ms = HTTP_DATE.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? undefined : ms * 1000;
}

/** A time in µs since 1970 as a `Date`, for programs that expect one. */
export const microsToDate = (micros: number): Date => new Date(micros / 1000);

/** The time in a text, such as that of a cookie, in ms since 1970; undefined if it is none. */
export function textToMillis(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** A time in µs since 1970 as ISO 8601, in whole milliseconds. */
export function microsToIso(micros: number): string {
  return new Date(micros / 1000).toISOString();
}

/** A log that writes nothing. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
