/** The verdict on the cluster, as weather. */
import type { ClusterVerdict } from './facts.ts';
import { h, type JSX } from './outside.ts';

/** The words of each verdict. */
export const SKY: Readonly<
  Record<ClusterVerdict['status'], { readonly title: string; readonly text: string }>
> = {
  ok: { title: 'Fair weather', text: 'All is well.' },
  degraded: { title: 'Clouds', text: 'The cluster is degraded. It serves all keys.' },
  critical: { title: 'Storm', text: 'Critical: some keys cannot be served.' },
};

const CLOUD = 'M30 74a17 17 0 0 1 2-34 24 24 0 0 1 46-6 20 20 0 0 1 4 40z';

/** The picture of a verdict. */
export function Sky({
  status,
}: {
  readonly status: ClusterVerdict['status'] | undefined;
}): JSX.Element {
  const [cx, cy] = status === 'ok' ? [50, 48] : [66, 30];
  return (
    <svg class={`sky ${status ?? 'unknown'}`} viewBox="0 0 100 100" aria-hidden="true">
      {status === 'critical' || status === undefined ? null : (
        <g class="sun">
          <circle cx={cx} cy={cy} r={status === 'ok' ? 20 : 14} />
          {Array.from({ length: 12 }, (_, i) => (
            <line
              x1={cx}
              x2={cx}
              y1={cy - (status === 'ok' ? 28 : 19)}
              y2={cy - (status === 'ok' ? 37 : 25)}
              transform={`rotate(${30 * i} ${cx} ${cy})`}
            />
          ))}
        </g>
      )}
      {status === 'ok' ? null : <path class="cloud" d={CLOUD} />}
      {status === 'critical' ? (
        <path class="bolt" d="M56 58 42 80h11l-5 16 18-24H55l8-14z" />
      ) : null}
    </svg>
  );
}
