/** One value of a key, as text or as bytes. */
import { type MarkedLine, markLines } from './lines.ts';
import { h, type JSX } from './outside.ts';
import type { ShownVersion } from './versions.ts';
import { bytes, readable } from './words.ts';
import { MAX_DRAWN_BYTES, MAX_DRAWN_CHARS } from './limits.ts';

const BYTES_PER_LINE = 16;

const hexOf = (body: Uint8Array): string =>
  Array.from({ length: Math.ceil(body.length / BYTES_PER_LINE) }, (_, line) =>
    [...body.subarray(line * BYTES_PER_LINE, (line + 1) * BYTES_PER_LINE)]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(' '),
  ).join('\n');

/** Draws a value. Lines that `other` does not have are marked. */
export function Value({
  version,
  other,
  label,
}: {
  readonly version: ShownVersion;
  readonly other?: ShownVersion | undefined;
  readonly label: string;
}): JSX.Element {
  const { text, body } = version;
  if (text === undefined) {
    return (
      <pre class="value" tabIndex={0} role="region" aria-label={label}>
        {hexOf(body.subarray(0, MAX_DRAWN_BYTES))}
        {rest(body.length - MAX_DRAWN_BYTES)}
      </pre>
    );
  }
  const drawn = text.slice(0, MAX_DRAWN_CHARS);
  const compared = other?.text?.slice(0, MAX_DRAWN_CHARS);
  return (
    <pre class="value" tabIndex={0} role="region" aria-label={label}>
      {compared === undefined ? readable(drawn) : markLines(drawn, compared).map(lineOf)}
      {rest(text.length - drawn.length)}
    </pre>
  );
}

const lineOf = ({ text, isOwn }: MarkedLine): JSX.Element =>
  isOwn ? <ins>{`${readable(text)}\n`}</ins> : <span>{`${readable(text)}\n`}</span>;

const rest = (length: number): JSX.Element | null =>
  length > 0 ? <em>{`\n… and ${bytes(length)} more`}</em> : null;
