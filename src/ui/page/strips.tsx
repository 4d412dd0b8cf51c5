/** The partitions of each node as a strip: one stroke for each, and the sums in words. */
import { h, type JSX } from './outside.ts';
import type { NodeView } from './nodes.ts';
import { Table } from './parts.tsx';

const KINDS = [
  { letter: 'o', word: 'owned' },
  { letter: 'i', word: 'catching up' },
  { letter: 'p', word: 'owned soon' },
  { letter: 'f', word: 'held for others' },
] as const;

/** Runs of equal letters. */
function runsOf(letters: string): { letter: string; from: number; length: number }[] {
  const runs: { letter: string; from: number; length: number }[] = [];
  for (const [at, letter] of letters.split('').entries()) {
    const last = runs.at(-1);
    if (last?.letter === letter) last.length += 1;
    else runs.push({ letter, from: at, length: 1 });
  }
  return runs;
}

const sumOf = (letters: string, letter: string): number => letters.split(letter).length - 1;

/** Draws the strips. */
export function Strips({ nodes }: { readonly nodes: readonly NodeView[] }): JSX.Element {
  return (
    <Table
      caption="Partitions by node"
      heads={['node', 'partitions 0 to 255', ...KINDS.map(({ word }) => word)]}
    >
      {nodes.map(({ member, pulse }) => {
        // A node that does not know the owners, or cannot use its store, tells no partitions.
        const letters = pulse?.partitions ?? '';
        return (
          <tr>
            <th scope="row">{member.name}</th>
            <td class="strip">{letters === '' ? '' : <Strip letters={letters} />}</td>
            {KINDS.map(({ letter }) => (
              <td class="number">
                <span class={`key ${letter}`} />
                {letters === '' ? 'unknown' : sumOf(letters, letter)}
              </td>
            ))}
          </tr>
        );
      })}
    </Table>
  );
}

function Strip({ letters }: { readonly letters: string }): JSX.Element {
  return (
    <svg viewBox="0 0 256 10" preserveAspectRatio="none" aria-hidden="true">
      {runsOf(letters).map(({ letter, from, length }) =>
        letter === '.' ? null : <rect class={letter} x={from} y="0" width={length} height="10" />,
      )}
    </svg>
  );
}
