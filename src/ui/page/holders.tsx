/** The explanation of a key: which holder has which version, and why some are siblings. */
import { isoToMs, wallMs } from './clock.ts';
import type { Explanation, KeyHolder } from './facts.ts';
import { History } from './history.tsx';
import { Fragment, h, type JSX } from './outside.ts';
import type { Level } from './nodes.ts';
import { State, Table } from './parts.tsx';
import { ago, visible } from './words.ts';
import { MAX_DRAWN_PAIRS } from './limits.ts';

const LEVELS: Readonly<Record<string, Level>> = {
  has: 'good',
  late: 'fair',
  outdated: 'fair',
  lost: 'bad',
};

/** Draws the versions of a key by holder. */
export function Holders({ explained }: { readonly explained: Explanation }): JSX.Element {
  const { holders, versions, pairs, partition } = explained;
  return (
    <section aria-labelledby="holders">
      <h2 id="holders">Where it is</h2>
      <p class="quiet">Partition {partition}. Each node has answered for itself.</p>
      <History versions={versions} />
      <Table caption="Versions by holder" heads={['version', 'written', ...holders.map(headOf)]}>
        {versions.map(({ dot, isCurrent, holders: states, clientId, takenBy, time }) => (
          <tr class={isCurrent ? '' : 'old'}>
            <th scope="row">
              <code>{dot}</code>
              <span class="quiet">
                {isCurrent ? ' current' : ' not current'}, taken by {takenBy}
                {clientId === undefined ? '' : ` from ${visible(clientId)}`}
              </span>
            </th>
            <td>{time === undefined ? 'unknown' : ago(isoToMs(time), wallMs())}</td>
            {holders.map(({ node, role, answeredAt }) => {
              const state = answeredAt === undefined ? 'no answer' : stateOf(states[node], role);
              return (
                <td>
                  <State level={LEVELS[state] ?? 'none'}>{state}</State>
                </td>
              );
            })}
          </tr>
        ))}
      </Table>
      {pairs.length === 0 ? null : <Why pairs={pairs} />}
    </section>
  );
}

/** A fallback need not have what the owners have. */
const stateOf = (state: string | undefined, role: string): string =>
  role === 'fallback' && state === 'late' ? 'need not' : (state ?? 'absent');

function headOf({ node, role, answeredAt, isComplete }: KeyHolder): string {
  if (answeredAt === undefined) return `${node}, ${role}, silent`;
  const isBehind = role !== 'fallback' && isComplete === false;
  return `${node}, ${role}${isBehind ? ', catching up' : ''}`;
}

function Why({ pairs }: Pick<Explanation, 'pairs'>): JSX.Element {
  const more = pairs.length - MAX_DRAWN_PAIRS;
  return (
    <Fragment>
      <h3>Why there are siblings</h3>
      <ul class="why">
        {pairs.slice(0, MAX_DRAWN_PAIRS).map(({ why }) => (
          <li>{visible(why)}.</li>
        ))}
        {more > 0 ? <li class="quiet">and {more} more pairs</li> : null}
      </ul>
    </Fragment>
  );
}
