/** A chart of the last minutes. Its lines have patterns as well as colours. */
import { h, type JSX } from './outside.ts';
import { ms } from './words.ts';

/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** The value now, as text. */
  readonly now: string;
  /** Of the oldest first. undefined makes a gap. */
  readonly points: readonly { readonly atMs: number; readonly value: number | undefined }[];
}

interface ChartProps {
  readonly title: string;
  readonly series: readonly Series[];
  /** The text of a value at the axis. */
  readonly label: (value: number) => string;
  readonly nowMs: number;
  readonly spanMs: number;
}

const [WIDTH, HEIGHT] = [600, 120];

/** The next of 1, 2, 5, 10, … that is not below a value. */
function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) as number) * power;
}

/** Draws lines over time, the present at the right. */
export function Chart({ title, series, label, nowMs, spanMs }: ChartProps): JSX.Element {
  const values = series.flatMap(({ points }) => points.map(({ value }) => value ?? 0));
  const top = niceCeiling(Math.max(0, ...values));
  const xOf = (atMs: number): number => WIDTH * (1 - (nowMs - atMs) / spanMs);
  const yOf = (value: number): number => HEIGHT * (1 - value / top);
  const summary = series.map(({ name, now }) => `${name} ${now}`).join(', ');
  return (
    <figure class="chart">
      <figcaption>
        <span class="title">{title}</span>
        <ul class="legend">
          {series.map(({ name, now }, i) => (
            <li class={`series s${i}`}>
              <svg viewBox="0 0 24 8" aria-hidden="true">
                <line x1="0" y1="4" x2="24" y2="4" />
              </svg>
              {name} <b>{now}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="plot">
        <span class="axis top">{label(top)}</span>
        <span class="axis middle">{label(top / 2)}</span>
        <span class="axis bottom">0</span>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}, now: ${summary}`}
        >
          {[0, 0.5, 1].map((share) => (
            <line class="grid" x1="0" x2={WIDTH} y1={HEIGHT * share} y2={HEIGHT * share} />
          ))}
          {series.map(({ points }, i) => (
            <path class={`series s${i}`} d={pathOf(points, xOf, yOf)} />
          ))}
        </svg>
        <span class="axis start">{ms(spanMs)} ago</span>
        <span class="axis end">now</span>
      </div>
    </figure>
  );
}

function pathOf(
  points: Series['points'],
  xOf: (atMs: number) => number,
  yOf: (value: number) => number,
): string {
  let isDrawing = false;
  return points
    .map(({ atMs, value }) => {
      if (value === undefined) {
        isDrawing = false;
        return '';
      }
      const step = `${isDrawing ? 'L' : 'M'}${xOf(atMs).toFixed(1)} ${yOf(value).toFixed(1)}`;
      isDrawing = true;
      return step;
    })
    .join('');
}
