/** Hot and large keys, those with the most siblings, and slow requests. */
import { askJson, messageOf } from './api.ts';
import { isoToMs, wallMs } from './clock.ts';
import type { Slow, SlowRequest, Top as TopKeys } from './facts.ts';
import { Fragment, h, type JSX, useEffect, useState } from './outside.ts';
import { Table, Trouble } from './parts.tsx';
import { linkTo } from './place.ts';
import { ago, bytes, count, listed, ms, visible } from './words.ts';

const ORDERS = {
  reads: 'reads',
  writes: 'writes',
  bytes: 'bytes',
  siblings: 'values',
} as const;

type Order = keyof typeof ORDERS;

interface Found {
  readonly top?: TopKeys;
  readonly slow?: Slow;
  readonly failure?: string | undefined;
}

/** Draws the keys at the top, and the slow requests. */
export function Top(): JSX.Element {
  const [by, order] = useState<Order>('reads');
  const [times, again] = useState(0);
  const [{ top, slow, failure }, set] = useState<Found>({});
  useEffect(() => {
    let isOver = false;
    Promise.all([askJson<TopKeys>(`/cluster/top?by=${by}`), askJson<Slow>('/cluster/slow')]).then(
      ([keys, requests]) => isOver || set({ top: keys, slow: requests }),
      (thrown: unknown) => isOver || set((old) => ({ ...old, failure: messageOf(thrown) })),
    );
    return () => {
      isOver = true;
    };
  }, [by, times]);
  return (
    <Fragment>
      <p class="row">
        <label for="order">Keys with the most</label>
        <select
          id="order"
          value={by}
          onChange={(event) => order(event.currentTarget.value as Order)}
        >
          {Object.entries(ORDERS).map(([value, word]) => (
            <option value={value}>{word}</option>
          ))}
        </select>
        <button type="button" onClick={() => again(times + 1)}>
          Look again
        </button>
      </p>
      <Trouble text={failure} />
      {top === undefined ? <p class="waiting">Asking all nodes …</p> : <Keys top={top} />}
      <h2>Slow requests</h2>
      {slow === undefined ? null : <Requests slow={slow} />}
    </Fragment>
  );
}

const silence = (silent: readonly string[]): string =>
  silent.length === 0 ? '' : ` Without ${listed(silent)}, which gave no answer.`;

function Keys({
  top: { by, keys, halvedEveryMs, silent },
}: {
  readonly top: TopKeys;
}): JSX.Element {
  const most = keys[0]?.value ?? 1;
  const show = by === 'bytes' ? bytes : count;
  const window =
    halvedEveryMs === undefined
      ? 'Of all replicas.'
      : `Estimated counts, halved every ${ms(halvedEveryMs)}: the last minutes count most.`;
  return (
    <Fragment>
      <p class="quiet" role="status">
        {keys.length === 0 ? 'No such keys.' : window}
        {silence(silent)}
      </p>
      {keys.length === 0 ? null : (
        <Table caption={`Keys with the most ${by}`} heads={['key', by, 'share of the first']}>
          {keys.map(({ key, value, error }) => (
            <tr>
              <th scope="row">
                <a href={linkTo('key', key)}>{visible(key)}</a>
              </th>
              <td class="number">
                {show(value)}
                {error === undefined || error === 0 ? '' : <small> ± {count(error)}</small>}
              </td>
              <td class="bar">
                <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(100 * value) / most} height="8" />
                </svg>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Fragment>
  );
}

function Requests({ slow: { operations, silent } }: { readonly slow: Slow }): JSX.Element {
  return (
    <Fragment>
      <p class="quiet">
        {operations.length === 0
          ? 'None so far.'
          : 'The latest ones of all nodes, the newest first.'}
        {silence(silent)}
      </p>
      {operations.length === 0 ? null : (
        <Table
          caption="Slow requests"
          heads={['when', 'node', 'operation', 'key', 'took', 'own disk', 'peers', 'error']}
        >
          {operations.map((slow) => (
            <Request slow={slow} />
          ))}
        </Table>
      )}
    </Fragment>
  );
}

function Request({ slow }: { readonly slow: SlowRequest }): JSX.Element {
  const { node, time, operation, key, keyHash, partition, tookMs, peers, failed } = slow;
  const { waitedForDiskMs } = slow;
  return (
    <tr>
      <td>{ago(isoToMs(time), wallMs())}</td>
      <th scope="row">{node}</th>
      <td>{operation}</td>
      <td>
        {key === undefined ? (
          <code title="the hash of the key">
            #{keyHash} in {partition}
          </code>
        ) : (
          <a href={linkTo('key', key)}>{visible(key)}</a>
        )}
      </td>
      <td class="number">{ms(tookMs)}</td>
      <td class="number">{waitedForDiskMs === undefined ? '' : ms(waitedForDiskMs)}</td>
      <td>
        {Object.entries(peers)
          .map(([peer, took]) => `${peer} ${ms(took)}`)
          .join(', ')}
      </td>
      <td>{failed ?? ''}</td>
    </tr>
  );
}
