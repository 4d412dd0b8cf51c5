/**
 * The history of a key as a picture: a lane for each node that has taken a version, and the
 * versions from left to right by their times. The table of the holders has the same facts.
 */
import { isoToMs, wallMs } from './clock.ts';
import type { HeldVersion } from './facts.ts';
import { h, type JSX } from './outside.ts';
import { ago, counted } from './words.ts';
import { MAX_DRAWN_VALUES } from './limits.ts';

const WIDTH = 480;
const LANE = 34;
/** The left end of the lanes, and the places of the first and the last version. */
const START = 56;
const FIRST = 90;
const LAST = WIDTH - 50;

type Dated = HeldVersion & { readonly atMs: number };

/** The latest versions whose times are known, the oldest first. */
const datedOf = (versions: readonly HeldVersion[]): Dated[] =>
  versions
    .flatMap((version) =>
      version.time === undefined ? [] : [{ ...version, atMs: isoToMs(version.time) }],
    )
    .sort((a, b) => a.atMs - b.atMs)
    .slice(-MAX_DRAWN_VALUES);

/** Draws the history of a key; nothing if no time is known. */
export function History({
  versions,
}: {
  readonly versions: readonly HeldVersion[];
}): JSX.Element | null {
  const dated = datedOf(versions);
  const lanes = [...new Set(dated.map(({ takenBy }) => takenBy))].sort();
  const step = (LAST - FIRST) / Math.max(1, dated.length - 1);
  const heightOf = (name: string): number => LANE * (lanes.indexOf(name) + 0.5);
  const [bottom, nowMs] = [LANE * lanes.length, wallMs()];
  const ends = dated.length > 1 ? [0, dated.length - 1] : [0];
  if (dated.length === 0) return null;
  const current = dated.filter(({ isCurrent }) => isCurrent).length;
  const label =
    `${counted(dated.length, 'version')} by time, ${current} of them current, ` +
    `taken by ${counted(lanes.length, 'node')}`;
  return (
    <svg class="history" viewBox={`0 0 ${WIDTH} ${bottom + 20}`} role="img" aria-label={label}>
      {lanes.map((name) => (
        <g>
          <line x1={START} x2={WIDTH} y1={heightOf(name)} y2={heightOf(name)} />
          <text class="name" x="0" y={heightOf(name)}>
            {name}
          </text>
        </g>
      ))}
      {dated.map(({ dot, takenBy, isCurrent }, i) => (
        <circle
          key={dot}
          class={isCurrent ? 'current' : ''}
          cx={FIRST + i * step}
          cy={heightOf(takenBy)}
          r="8"
        />
      ))}
      {ends.map((i) => (
        <text class="when" x={FIRST + i * step} y={bottom + 10}>
          {ago(dated[i]?.atMs ?? nowMs, nowMs)}
        </text>
      ))}
    </svg>
  );
}
