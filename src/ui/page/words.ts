/** Numbers, times and the text of strangers, as people read them. Pure. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Three significant digits, without a power of ten. */
const digits = (n: number): string =>
  n >= 100 || n === 0 ? n.toFixed(0) : String(+n.toPrecision(3));

/** A number of bytes. */
export function bytes(count: number): string {
  let at = 0;
  let rest = count;
  while (rest >= 1000 && at < UNITS.length - 1) {
    rest /= 1000;
    at += 1;
  }
  return `${digits(rest)} ${UNITS[at]}`;
}

/** A count with separators. */
export const count = (n: number): string =>
  String(Math.round(n)).replaceAll(/\B(?=(?:\d{3})+$)/g, '\u202f');

/** A number with its noun. */
export const counted = (n: number, noun: string, plural = `${noun}s`): string =>
  `${count(n)} ${n === 1 ? noun : plural}`;

/** A rate per second. */
export const rate = (n: number): string => (n >= 1000 ? count(n) : digits(n));

/** A time in ms. */
export function ms(time: number): string {
  if (time < 1000) return `${digits(time)} ms`;
  if (time < 60_000) return `${digits(time / 1000)} s`;
  if (time < 3_600_000) return `${Math.floor(time / 60_000)} min`;
  if (time < 86_400_000) return `${Math.floor(time / 3_600_000)} h`;
  return `${Math.floor(time / 86_400_000)} d`;
}

/** How long ago a wall time is. */
export const ago = (atMs: number, nowMs: number): string =>
  nowMs - atMs < 1000 ? 'just now' : `${ms(Math.round((nowMs - atMs) / 1000) * 1000)} ago`;

/** Names in a sentence. */
export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/**
 * A text of strangers on one line. Control characters get pictures, and invisible ones are named:
 * those that turn the direction of writing could make a key look like another one.
 */
export const visible = (text: string): string => text.replaceAll(INVISIBLE, pictureOf);

/** The same for a text of several lines. */
export const readable = (text: string): string =>
  text.replaceAll(INVISIBLE, (char) => (char === '\n' || char === '\t' ? char : pictureOf(char)));

/** Characters for control and format, and separators of lines. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The pictures of control characters begin here. */
const PICTURES = 0x2400;

function pictureOf(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(PICTURES + code);
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}
