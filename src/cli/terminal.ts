/**
 * Output to terminals and pipes: data on stdout, all else on stderr, colour and progress only on a
 * terminal.
 */
import type { Writable } from 'node:stream';

/** A stream that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

const STYLES = { bold: [1, 22], dim: [2, 22], green: [32, 39], yellow: [33, 39] } as const;

/** The text in a style, if the stream is a terminal and `NO_COLOR` is not set. */
export function styled(output: Output, style: keyof typeof STYLES, text: string): string {
  if (output.isTTY !== true || process.env['NO_COLOR']) return text;
  const [on, off] = STYLES[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/**
 * Writes, and resolves when the reader is ready for more. Resolves with false if the reader is
 * gone.
 */
export async function print(output: Output, chunk: string | Uint8Array): Promise<boolean> {
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
 * A text that is safe for a terminal and for line-based readers: with control characters it becomes
 * a JSON string.
 */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return /[\u0000-\u001f\u007f-\u009f]/.test(text) || text.startsWith('"')
    ? JSON.stringify(text)
    : text;
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
    this.#output.write(`\r\u001b[2K${bar}${text}`);
    this.#isDrawn = true;
  }

  /** Erases the line. */
  clear(): void {
    if (this.#isDrawn) this.#output.write('\r\u001b[2K');
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
