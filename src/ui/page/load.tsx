/** The load of the last ten minutes, of all nodes or of one. */
import { Chart, type Series } from './chart.tsx';
import { nowMs } from './clock.ts';
import { HISTORY_MS, WINDOW_MS } from './limits.ts';
import type { Live, Moment } from './live.ts';
import { Fragment, h, type JSX, useState } from './outside.ts';
import { Table } from './parts.tsx';
import type { Group, Load as LoadNow } from './rates.ts';
import { ms, rate } from './words.ts';

const ALL = '';

/** Draws the load. */
export function Load({ live }: { readonly live: Live }): JSX.Element {
  const [node, choose] = useState(ALL);
  const names = live.pulses?.members.map(({ name }) => name).sort() ?? [];
  const atMs = nowMs();
  const series = (name: string, of: (load: LoadNow) => number | undefined, label: Label): Series =>
    seriesOf(live.moments, node, { name, of, label });
  const chart = (title: string, all: readonly Series[], label: Label): JSX.Element => (
    <Chart
      title={title}
      series={all}
      label={label}
      nowMs={atMs}
      spanMs={spanOf(atMs - (live.moments[0]?.atMs ?? atMs))}
    />
  );
  const times = (group: Group): readonly Series[] => [
    series('half within', ({ p50 }) => p50[group], ms),
    series('99 of 100 within', ({ p99 }) => p99[group], ms),
  ];
  return (
    <Fragment>
      <p class="row">
        <label for="of-node">Load of</label>
        <select id="of-node" value={node} onChange={(event) => choose(event.currentTarget.value)}>
          <option value={ALL}>all nodes together</option>
          {names.map((name) => (
            <option value={name}>{name}</option>
          ))}
        </select>
        <span class="quiet">Rates and times are those of the last {ms(WINDOW_MS)}.</span>
      </p>
      <div class="charts">
        {chart(
          'Requests per second',
          [
            series('reads', ({ perSecond }) => perSecond.reads, rate),
            series('writes', ({ perSecond }) => perSecond.writes, rate),
            series('listings', ({ perSecond }) => perSecond.listings, rate),
          ],
          rate,
        )}
        {chart('Times of reads', times('reads'), ms)}
        {chart('Times of writes', times('writes'), ms)}
        {chart(
          'Trouble per second',
          [
            series('failed requests', ({ failed }) => failed, rate),
            series('new siblings', ({ siblings }) => siblings, rate),
          ],
          rate,
        )}
      </div>
      <h2>Each node now</h2>
      <Now moment={live.moments.at(-1)} names={names} />
    </Fragment>
  );
}

/** The times that charts may show, the shortest first. The page keeps ten minutes. */
const SPANS_MS = [60_000, 120_000, 300_000] as const;

const spanOf = (knownMs: number): number => SPANS_MS.find((span) => span >= knownMs) ?? HISTORY_MS;

type Label = (value: number) => string;

function seriesOf(
  moments: readonly Moment[],
  node: string,
  { name, of, label }: { name: string; of: (load: LoadNow) => number | undefined; label: Label },
): Series {
  const points = moments.map(({ atMs, all, byNode }) => {
    const load = node === ALL ? all : byNode.get(node);
    return { atMs, value: load && of(load) };
  });
  const last = points.at(-1)?.value;
  return { name, now: last === undefined ? 'none' : label(last), points };
}

function Now({
  moment,
  names,
}: {
  readonly moment: Moment | undefined;
  readonly names: readonly string[];
}): JSX.Element {
  const time = (value: number | undefined): string => (value === undefined ? 'none' : ms(value));
  return (
    <Table
      caption="The load of each node now"
      heads={[
        'node',
        'reads/s',
        'writes/s',
        'reads: 99 of 100 within',
        'writes: 99 of 100 within',
        'failed/s',
      ]}
    >
      {names.map((name) => {
        const load = moment?.byNode.get(name);
        return (
          <tr>
            <th scope="row">{name}</th>
            <td class="number">{load ? rate(load.perSecond.reads) : 'silent'}</td>
            <td class="number">{load ? rate(load.perSecond.writes) : 'silent'}</td>
            <td class="number">{time(load?.p99.reads)}</td>
            <td class="number">{time(load?.p99.writes)}</td>
            <td class="number">{load ? rate(load.failed) : 'silent'}</td>
          </tr>
        );
      })}
    </Table>
  );
}
