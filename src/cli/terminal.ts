/**
 * Output to terminals and pipes: data on stdout, all else on stderr, colour and progress only on a
 * terminal.
 *
 * All output of the command line passes through this file. Values, keys and messages of servers
 * come from strangers, and a terminal obeys control characters: it would erase the screen, or type
 * commands. So nothing but `printRaw` writes them to a terminal.
 */
import type { Writable } from 'node:stream';

/** A stream that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

const BOLD = ['\u001b[1m', '\u001b[22m'] as const;
const ERASE_LINE = '\r\u001b[2K';
const ERASE_SCREEN = '\u001b[H\u001b[J';

/**
 * The characters that a terminal obeys instead of showing them: controls, and those that change the
 * direction of text. Tabs and ends of lines are shown.
 */
const OBEYED = /(?!\t|\r?\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** The text with such characters as escapes, in the form that JSON has for them. */
const visible = (text: string): string =>
  text.replaceAll(OBEYED, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * Writes data. A terminal gets text, without the characters that it would obey. Resolves when the
 * reader is ready for more, and with false if it is gone.
 */
export function print(output: Output, chunk: string | Uint8Array): Promise<boolean> {
  if (output.isTTY !== true) return printRaw(output, chunk);
  const text = typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
  return printRaw(output, visible(text));
}

/** Writes a line as `print` does, in bold on a terminal unless `NO_COLOR` is set. */
export function printBold(output: Output, line: string): Promise<boolean> {
  if (output.isTTY !== true || process.env['NO_COLOR']) return print(output, `${line}\n`);
  return printRaw(output, `${BOLD[0]}${visible(line)}${BOLD[1]}\n`);
}

/** Writes one line about a mistake or an outcome on stderr. */
export function remark(sentence: string): void {
  process.stderr.write(`mec: ${visible(sentence.replaceAll(/\s*\n\s*/g, ' '))}\n`);
}

/** Erases the line of the cursor. */
export const eraseLine = (output: Output): Promise<boolean> => printRaw(output, ERASE_LINE);

/** Erases the screen. */
export const eraseScreen = (output: Output): Promise<boolean> => printRaw(output, ERASE_SCREEN);

/** Writes bytes as they are, even to a terminal. Resolves as `print` does. */
export async function printRaw(output: Output, chunk: string | Uint8Array): Promise<boolean> {
  if (output.errored !== null || output.destroyed) return false;
  if (output.write(chunk)) return true;
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      output.off('drain', settle).off('close', settle).off('error', settle);
      resolve();
    };
    output.on('drain', settle).on('close', settle).on('error', settle);
  });
  return output.errored === null;
}

/**
 * A text that is safe for a terminal and for line-based readers: with characters that a terminal
 * obeys it becomes a JSON string.
 */
export function oneLine(text: string): string {
  const isPlain = !/[\t\n]/.test(text) && visible(text) === text && !text.startsWith('"');
  return isPlain ? text : visible(JSON.stringify(text));
}

/**
 * A line on stderr that is redrawn as work proceeds. Writes nothing if stderr is not a terminal.
 */
export class ProgressLine {
  readonly #output: Output;
  #isDrawn = false;

  constructor(output: Output = process.stderr) {
    this.#output = output;
  }

  /** Draws the text, with a bar if `share` (0 to 1) is given. */
  show(text: string, share?: number): void {
    if (this.#output.isTTY !== true) return;
    const width = 24;
    const filled = Math.round(width * Math.min(share ?? 0, 1));
    const bar =
      share === undefined
        ? ''
        : `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${Math.round(share * 100)} %  `;
    this.#output.write(`${ERASE_LINE}${bar}${text}`);
    this.#isDrawn = true;
  }

  /** Erases the line. */
  clear(): void {
    if (this.#isDrawn) void eraseLine(this.#output);
    this.#isDrawn = false;
  }
}

/** A number of things, such as "1 key" and "2 keys". */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

const UNITS = ['byte', 'KiB', 'MiB', 'GiB'] as const;

/** A size in bytes, for people. */
export function formatBytes(bytes: number): string {
  const at = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  return at === 0 ? counted(bytes, UNITS[0]) : `${(bytes / 1024 ** at).toFixed(1)} ${UNITS[at]}`;
}
